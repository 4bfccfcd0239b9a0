// SPDX-License-Identifier: Apache-2.0
#include "proxy/client.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/listener.h"
#include "net/proxy_protocol.h"
#include "net/socket.h"
#include "net/tls_server.h"
#include "proxy/access.h"
#include "proxy/client_h1.h"
#include "proxy/client_h2.h"
#include "proxy/client_tcp.h"
#include "proxy/crowd.h"
#include "steer/table.h"

enum {
	LINGER_MS = 2000, /* for a client that still sends while we have said goodbye */
	LINGER_BYTES =
	    16 << 20, /* what may have been on its way when we said it, on a long fat path */
	DISCARDS_PER_TURN = 4,
};

size_t
client_block_size(void)
{
	union any {
		struct client_h1 h1;
		struct client_h2 h2;
		struct client_tcp tcp;
	};

	return sizeof(union any);
}

const struct conf_listener *
client_conf(const struct client *c)
{
	const struct table *t = c->worker->table;
	const struct listener_set *set = t->listeners;

	for (unsigned i = 0; set != NULL && i < set->count; i++)
		if (set->listeners[i] == c->listener)
			return &t->topology->listeners[i];
	return NULL;
}

/* ---- deadlines ---- */

void
client_start_timer(struct client *c, uint32_t ms, timer_fn *fn)
{
	timer_start(c->worker->loop->timers, &c->timer, ms, fn, c);
}

uint32_t
client_idle_ms(const struct client *c)
{
	const struct conf_client_limits *limits = &c->worker->limits;

	return limits->keep_alive_ms > 0 ? limits->keep_alive_ms : limits->request_head_ms;
}

uint32_t
client_age_ms(const struct client *c)
{
	uint32_t age_ms = c->worker->limits.max_age_ms;

	return age_ms > 0 ? worker_spread_ms(c->worker, age_ms) : 0;
}

/* ---- the end ---- */

void
client_free(struct client *c)
{
	struct worker *w = c->worker;

	timer_stop(&c->timer);
	timer_stop(&c->stall);
	worker_undefer(&c->go_on);
	stat_add(&w->stats.bytes_in, c->stream.bytes_in);
	stat_add(&w->stats.bytes_out, c->stream.bytes_out);
	SSL_free(c->ssl);
	stream_close(&c->stream);
	if (c->counted)
		crowd_leave(w->setup.crowd, &c->facts.peer);
	list_unlink(&c->node);
	atomic_fetch_sub_explicit(&c->listener->connections, 1, memory_order_relaxed);
	listener_unref(c->listener);
	w->client_count--;
	stat_step(&w->stats.clients, -1);
	slab_give(w->client_slab, c);
	worker_client_gone(w);
}

static void
close_now(void *arg)
{
	client_free(arg);
}

static void
discard(void *arg)
{
	struct client *c = arg;

	for (int reads = 0; stream_may_read(&c->stream); reads++) {
		ssize_t n;

		if (reads == DISCARDS_PER_TURN) {
			worker_defer(c->worker, &c->go_on);
			return;
		}
		n = stream_read(&c->stream, loop_span(c->worker->loop).at, LOOP_CHUNK);
		if (n == STREAM_WAIT)
			return;
		if (n <= 0 || c->stream.bytes_in > c->linger_until) {
			client_free(c);
			return;
		}
	}
}

void
client_linger(struct client *c)
{
	c->stage = CLIENT_LINGER;
	c->linger_until = c->stream.bytes_in + LINGER_BYTES;
	stream_shutdown(&c->stream);
	/* What still waits for the client has the stall timer; the farewell begins behind it. */
	if (stream_is_drained(&c->stream))
		client_start_timer(c, LINGER_MS, close_now);
	else
		timer_stop(&c->timer);
	c->go_on.fn = discard;
	c->go_on.arg = c;
	if (stream_may_read(&c->stream))
		worker_defer(c->worker, &c->go_on);
}

void
client_close(struct client *c)
{
	if (c->stage == CLIENT_SERVED)
		c->ops->close(c);
	else
		client_free(c);
}

void
client_drain(struct client *c)
{
	c->leaving = true;
	if (c->stage == CLIENT_SERVED)
		c->ops->drain(c);
}

/* ---- the stages ---- */

static const struct client_ops *
ops_of(const struct client *c, bool h2)
{
	switch (c->protocol) {
	case PROTOCOL_HTTP:
		return h2 ? &client_h2_ops : &client_h1_ops;
	case PROTOCOL_TCP:
	case PROTOCOL_TLS_PASSTHROUGH:
		return &client_tcp_ops;
	}
	abort();
}

static void
serve(struct client *c, bool h2)
{
	c->stage = CLIENT_SERVED;
	timer_stop(&c->timer);
	c->ops = ops_of(c, h2);
	c->ops->start(c);
}

/* Before anything was said: the kernel tells the other side. */
static void
turn_away(struct client *c)
{
	socket_reset_at_close(c->stream.fd);
	client_free(c);
}

/*
 * May it come, by its listener's rules, and its network have another connection? Those that stand
 * for many clients may have any number.
 */
static bool
admit(struct worker *w, const struct listener *l, const struct ip *ip, bool *counted)
{
	if (!access_admits(w, l, ip))
		return false;
	if (w->setup.crowd == NULL || ip->family == IP_NONE || ip_is_loopback(ip) ||
	    ip_set_has(&w->table->topology->trusted_proxies, ip))
		return true;
	*counted = crowd_enter(w->setup.crowd, ip, w->limits.max_connections_per_client);
	return *counted;
}

static void
refuse_header(struct client *c, const char *why)
{
	static struct log_limit limit;

	log_limited(&limit, LOG_LEVEL_WARN, "%s: connection from %.*s closed: %s",
	    c->facts.listener, (int)c->facts.ip_len, c->facts.ip, why);
	stat_add(&c->worker->stats.bad_headers, 1);
	turn_away(c);
}

static void
on_header_timeout(void *arg)
{
	refuse_header(arg, "no PROXY header in time");
}

static void
on_silence(void *arg)
{
	client_free(arg);
}

/*
 * HTTP/2 in clear text by prior knowledge: who begins with its preface speaks it (RFC 9113
 * section 3.4). No HTTP/1 request begins so.
 */
static void
read_preface(struct client *c)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	const size_t whole = sizeof preface - 1;
	struct span in = loop_span(c->worker->loop);
	bool alike = true;
	ssize_t n;

	do {
		n = stream_read(&c->stream, in.at + in.len, LOOP_CHUNK - in.len);
		if (n > 0)
			in.len += (size_t)n;
		alike = memcmp(in.at, preface, in.len < whole ? in.len : whole) == 0;
	} while (n > 0 && alike && in.len < whole);
	stream_unread(&c->stream, in.at, in.len);
	if (n == STREAM_WAIT && alike && in.len < whole)
		return;
	serve(c, alike && in.len >= whole);
	c->ops->on_stream(c, STREAM_READABLE);
}

static void
begin_clear(struct client *c)
{
	if (c->h2c) {
		c->stage = CLIENT_PREFACE;
		client_start_timer(c, client_idle_ms(c), on_silence);
		if (stream_may_read(&c->stream))
			read_preface(c);
		return;
	}
	serve(c, false);
	if (stream_may_read(&c->stream))
		c->ops->on_stream(c, STREAM_READABLE);
}

static void
fail_handshake(struct client *c, const char *why)
{
	static struct log_limit limit;

	if (why != NULL)
		log_limited(&limit, LOG_LEVEL_INFO, "%s: TLS handshake with %.*s failed: %s",
		    c->facts.listener, (int)c->facts.ip_len, c->facts.ip, why);
	stat_add(&c->worker->stats.handshakes_failed, 1);
	client_free(c);
}

static void
on_handshake_timeout(void *arg)
{
	fail_handshake(arg, "it was not done in time");
}

static void
on_opened(struct client *c)
{
	struct worker *w = c->worker;

	c->facts.tls_version = tls_version_name(c->stream.ssl);
	c->facts.resumed = SSL_session_reused(c->stream.ssl) == 1;
	stat_add(&w->stats.handshakes, 1);
	if (c->facts.resumed)
		stat_add(&w->stats.handshakes_resumed, 1);
	serve(c, tls_speaks_h2(c->stream.ssl));
}

/* Whom the header names is the client from here on. */
static void
take_header(struct client *c, const struct proxy_header *h)
{
	struct client_facts *f = &c->facts;

	if (!h->named)
		return;
	f->peer = h->source;
	f->ip_len = (uint16_t)ip_format(&h->source, f->ip);
	f->port = h->source_port;
	f->local = h->destination;
	f->local_port = f->listener_port = h->destination_port;
	f->tls_outside = h->tls;
}

static void
after_header(struct client *c)
{
	SSL *ssl = c->ssl;

	if (!admit(c->worker, c->listener, &c->facts.peer, &c->counted)) {
		stat_add(&c->worker->stats.refused, 1);
		turn_away(c);
	} else if (ssl != NULL) {
		c->ssl = NULL;
		c->stage = CLIENT_HANDSHAKE;
		client_start_timer(c, c->worker->limits.tls_handshake_ms, on_handshake_timeout);
		stream_accept_tls(&c->stream, ssl);
	} else {
		begin_clear(c);
	}
}

/* What was read beyond the header, or of one that is not complete, is put back. */
static void
read_header(struct client *c)
{
	struct span in = loop_span(c->worker->loop);
	enum proxy_header_result r = PROXY_HEADER_MORE;
	struct proxy_header h;
	ssize_t n;

	do {
		n = stream_read(&c->stream, in.at + in.len, LOOP_CHUNK - in.len);
		if (n > 0)
			in.len += (size_t)n;
		r = proxy_header_parse(in.at, in.len, &h);
	} while (n > 0 && r == PROXY_HEADER_MORE);
	switch (r) {
	case PROXY_HEADER_MORE:
		if (n == STREAM_WAIT)
			stream_unread(&c->stream, in.at, in.len);
		else if (in.len == 0) /* somebody looked whether the port is open */
			client_free(c);
		else
			refuse_header(c, "it ended within its PROXY header");
		return;
	case PROXY_HEADER_BAD:
		refuse_header(c, h.why);
		return;
	case PROXY_HEADER_DONE:
		take_header(c, &h);
		stream_unread(&c->stream, in.at + h.len, in.len - h.len);
		after_header(c);
		return;
	}
}

static void
on_farewell(struct client *c, unsigned events)
{
	if (events & STREAM_FAILED) {
		client_free(c);
		return;
	}
	if (events & STREAM_DRAINED) {
		client_watch_stall(c);
		client_start_timer(c, LINGER_MS, close_now);
	}
	if (events & (STREAM_READABLE | STREAM_DRAINED))
		discard(c);
}

static void
on_stream(struct stream *s, unsigned events, void *arg)
{
	struct client *c = arg;

	switch (c->stage) {
	case CLIENT_HEADER:
		if (events & STREAM_FAILED)
			client_free(c);
		else
			read_header(c);
		return;
	case CLIENT_HANDSHAKE:
		if (events & STREAM_FAILED) {
			fail_handshake(c, stream_handshake_why(&c->stream));
			return;
		}
		on_opened(c);
		if (events & STREAM_READABLE)
			c->ops->on_stream(c, STREAM_READABLE);
		return;
	case CLIENT_PREFACE:
		if (events & STREAM_FAILED)
			client_free(c);
		else
			read_preface(c);
		return;
	case CLIENT_SERVED:
		c->ops->on_stream(c, events);
		return;
	case CLIENT_LINGER:
		on_farewell(c, events);
		return;
	}
}

static void
fill_facts(struct client *c, const struct conf_listener *conf, const struct sockaddr *peer)
{
	struct client_facts *f = &c->facts;

	f->accepted_by = c->listener;
	f->ruled = conf->access.allow.count > 0 || conf->access.deny.count > 0 ||
	    conf->access.rate_limit != NULL;
	f->peer = ip_of(peer);
	f->ip_len = (uint16_t)socket_format_ip(peer, f->ip, sizeof f->ip);
	f->port = socket_port(peer);
	f->listener_port = socket_port((const struct sockaddr *)&conf->bind.addr);
	f->raw = conf->protocol != PROTOCOL_HTTP;
	f->tls = conf->tls != NULL;
	f->tls_version = "";
	f->redirect_https = conf->redirect_https;
	f->redirect_port = conf->redirect_port;
	snprintf(f->listener, sizeof f->listener, "%s", conf->name);
}

/* What a header to an endpoint names beside the client; asked only if there will be one. */
static void
note_local_address(struct client *c, int fd)
{
	struct sockaddr_storage local = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof local;

	if (!c->worker->table->topology->sends_proxy ||
	    getsockname(fd, (struct sockaddr *)&local, &len) != 0)
		return;
	c->facts.local = ip_of((const struct sockaddr *)&local);
	c->facts.local_port = socket_port((const struct sockaddr *)&local);
}

/* Before anything was made for it. */
static void
turn_away_socket(struct worker *w, struct listener *l, int fd)
{
	socket_reset_at_close(fd);
	close(fd);
	atomic_fetch_sub_explicit(&l->connections, 1, memory_order_relaxed);
	listener_unref(l);
	stat_add(&w->stats.refused, 1);
}

/* The first stage; what comes behind a PROXY header waits for it. */
static void
begin(struct client *c, const struct conf_listener *conf, int fd, SSL *ssl)
{
	struct worker *w = c->worker;

	stream_accept(&c->stream, w->loop, fd, conf->proxy_protocol ? NULL : ssl, on_stream, c);
	if (conf->proxy_protocol) {
		c->ssl = ssl;
		c->stage = CLIENT_HEADER;
		client_start_timer(c, w->limits.proxy_header_ms, on_header_timeout);
		if (!ip_set_has(&w->table->topology->trusted_proxies, &c->facts.peer))
			refuse_header(c, "its address is not among trusted_proxies");
	} else if (ssl != NULL) {
		c->stage = CLIENT_HANDSHAKE;
		client_start_timer(c, w->limits.tls_handshake_ms, on_handshake_timeout);
	} else {
		begin_clear(c);
	}
}

void
client_accept(struct worker *w, struct listener *l, const struct conf_listener *conf, int fd,
    const struct sockaddr *peer)
{
	struct ip ip = ip_of(peer);
	bool counted = false;
	SSL *ssl = NULL;
	struct client *c;

	if (!conf->proxy_protocol && !admit(w, l, &ip, &counted)) {
		turn_away_socket(w, l, fd);
		return;
	}
	if (conf->tls != NULL) {
		ssl = tls_server_ssl(worker_tls(w, conf->tls));
		if (ssl == NULL) {
			if (counted)
				crowd_leave(w->setup.crowd, &ip);
			turn_away_socket(w, l, fd);
			return;
		}
		if (conf->http2 && conf->protocol == PROTOCOL_HTTP)
			tls_server_offer_h2(ssl);
	}
	c = slab_take(w->client_slab);
	memset(c, 0, client_block_size());
	c->worker = w;
	c->listener = l;
	c->counted = counted;
	c->protocol = conf->protocol;
	c->h2c = conf->h2c && conf->protocol == PROTOCOL_HTTP;
	/* From the queue of a socket that closes, or there is no memory for who only rests. */
	c->leaving = w->draining || w->pressure >= PRESSURE_SHRINK;
	fill_facts(c, conf, peer);
	note_local_address(c, fd);
	list_append(&w->clients, &c->node);
	w->client_count++;
	stat_step(&w->stats.clients, 1);
	begin(c, conf, fd, ssl);
}
