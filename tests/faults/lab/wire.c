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

nghttp2_session *
wire_session(const struct wire_calls *calls, void *arg)
{
	nghttp2_session_callbacks *on;
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&on) != 0)
		abort();
	nghttp2_session_callbacks_set_on_header_callback(on, calls->on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, calls->on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(on, calls->on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(on, calls->on_close);
	if (nghttp2_session_client_new(&session, on, arg) != 0 ||
	    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0) != 0)
		abort();
	nghttp2_session_callbacks_del(on);
	return session;
}

const char *
wire_verdict(const struct job *job, int status, const struct pattern *body)
{
	if (status < 200 || status > 299)
		return "status";
	return body->good && body->bytes == job->kind->answer_bytes ? "ok" : "wrong";
}
