// SPDX-License-Identifier: Apache-2.0
#include "proxy/sticky.h"

#include <stdio.h>
#include <string.h>

#include "conf/topology.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"
#include "proxy/service.h"
#include "proxy/tries.h"
#include "steer/endpoint.h"
#include "steer/sticky.h"

enum { DIGITS = 16 };

static bool
parse(struct slice text, uint64_t *name)
{
	*name = 0;
	if (text.len != DIGITS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c >= '0' && c <= '9')
			*name = *name << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*name = *name << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

static bool
cookie_name(const struct exchange *x, const struct conf_sticky *sticky, uint64_t *name)
{
	struct slice value;

	return head_cookie(&x->head, slice_of(sticky->cookie), &value) && parse(value, name);
}

bool
sticky_wish(const struct exchange *x, struct choice *c)
{
	const struct table_service *ts = x->service->now;
	unsigned region;
	uint64_t name;

	if (!cookie_name(x, ts->conf->sticky, &name))
		return false;
	c->endpoint = sticky_find(ts, &x->pick, name, &region);
	if (c->endpoint == NULL)
		return false;
	c->region = x->service->regions[region];
	return true;
}

void
sticky_say(const struct exchange *x, struct edits *e)
{
	static const char *const same_site[] = { [SAME_SITE_LAX] = "Lax",
		[SAME_SITE_STRICT] = "Strict", [SAME_SITE_NONE] = "None" };
	const struct conf_service *conf = x->service->now->conf;
	const struct conf_sticky *sticky = conf->sticky;
	uint64_t met, known;
	char value[512], age[32] = "";

	if (x->try->shard == NULL)
		return;
	met = sticky_name(conf, x->try->shard->endpoint);
	if (cookie_name(x, sticky, &known) && known == met)
		return;
	if (sticky->ttl_ms > 0)
		snprintf(age, sizeof age, "; Max-Age=%u", sticky->ttl_ms / 1000);
	snprintf(value, sizeof value, "%s=%016llx; Path=/%s; HttpOnly; SameSite=%s%s",
	    sticky->cookie, (unsigned long long)met, age, same_site[sticky->same_site],
	    x->who.https || sticky->same_site == SAME_SITE_NONE ? "; Secure" : "");
	edits_say(e, SLICE("Set-Cookie"), slice_of(value));
}
