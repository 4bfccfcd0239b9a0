// SPDX-License-Identifier: Apache-2.0
#include "proxy/identity.h"

#include <string.h>

#include "conf/topology.h"
#include "http/client_origin.h"
#include "proxy/exchange.h"

static void
be_the_peer(struct identity *i, const struct client_facts *f)
{
	i->ip = f->peer;
	i->port = f->port;
	i->trust = TRUST_NOTHING;
	i->claimed = false;
	i->https = f->tls || f->tls_outside;
	i->text_len = (uint8_t)f->ip_len;
	memcpy(i->text, f->ip, f->ip_len);
}

void
identity_establish(struct identity *i, const struct client_facts *f, const struct head *h,
    const struct topology *t)
{
	struct client_origin o;

	be_the_peer(i, f);
	if (t == NULL || t->trusted_proxies.count == 0)
		return;
	client_origin_find(
	    h, slice_of(t->client_ip_header), &t->trusted_proxies, &f->peer, f->port, &o);
	if (!o.peer_is_trusted)
		return;
	i->trust =
	    strcasecmp(t->client_ip_header, "Forwarded") == 0 ? TRUST_FORWARDED : TRUST_X_FORWARDED;
	if (o.scheme != SCHEME_UNSAID)
		i->https = o.scheme == SCHEME_HTTPS;
	if (!o.claimed)
		return;
	i->claimed = true;
	i->ip = o.ip;
	i->port = o.port;
	i->text_len = (uint8_t)ip_format(&o.ip, i->text);
}
