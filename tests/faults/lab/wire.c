/* SPDX-License-Identifier: Apache-2.0 */
/* What all wires do alike. */
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "load.h"

struct bufferevent *
wire_stream(struct load *l)
{
	struct bufferevent *bev;
	SSL *ssl;

	if (l->tls == NULL) {
		bev = bufferevent_socket_new(
		    l->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	} else {
		ssl = SSL_new(l->tls);
		if (ssl == NULL || SSL_set_tlsext_host_name(ssl, l->host) != 1 ||
		    SSL_set1_host(ssl, l->host) != 1 ||
		    (l->session != NULL && SSL_set_session(ssl, l->session) != 1))
			abort();
		bev = bufferevent_openssl_socket_new(l->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
		    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	}
	if (bev == NULL)
		abort();
	return bev;
}

const char *
wire_verdict(const struct job *job, int status, const struct pattern *body)
{
	if (status < 200 || status > 299)
		return "status";
	return body->good && body->bytes == job->kind->answer_bytes ? "ok" : "wrong";
}
