// SPDX-License-Identifier: Apache-2.0
#include "proxy/connection.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stat.h"
#include "net/socket.h"
#include "net/tls_client.h"
#include "proxy/pool.h"
#include "proxy/pool_path.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"

/* One question for a connection, not for a request; a second apart is often enough. */
static void
measure_path(const struct connection *c)
{
	uint64_t now_us = clock_now_us();
	struct socket_path path;

	if (pool_rtt_is_old(c->slot, now_us) && socket_path(c->stream.fd, &path))
		pool_learn_rtt(c->slot, path.rtt_us, now_us);
}

void
connection_opened(struct connection *c, enum fault why)
{
	timer_stop(&c->timer);
	if (why == FAULT_NONE) {
		if (c->connect_us == 0) { /* else it was only asked */
			stat_add(&c->slot->shard->connects, 1);
			c->connect_us = clock_now_us() - c->connect_started_us + 1;
		}
		c->alive_ms = clock_now_ms();
		measure_path(c);
		/* Accepted and closed at once: another connection would fare no better. */
		if (c->stream.peer_closed && !c->ops->is_clean(c))
			why = FAULT_CONNECT_RESET;
	}
	pool_on_opened(c, why);
}

static void
on_stream(struct stream *s, unsigned events, void *arg)
{
	struct connection *c = arg;

	if (events & STREAM_OPENED)
		c->ops->opened(c);
	else if (c->opening && (events & STREAM_FAILED))
		connection_opened(c, stream_fault(s));
	else
		c->ops->on_stream(c, events);
}

static void
on_connect_timeout(void *arg)
{
	connection_opened(arg, FAULT_CONNECT_TIMEOUT);
}

static void
on_idle_timeout(void *arg)
{
	struct connection *c = arg;

	if (c->parked)
		pool_discard(c);
}

const struct connection_ops *
connection_ops_of(enum conf_upstream_protocol protocol)
{
	switch (protocol) {
	case UPSTREAM_HTTP1:
		return &connection_h1;
	case UPSTREAM_H2:
		return &connection_h2;
	}
	abort();
}

static void
await(struct connection *c, uint32_t ms)
{
	c->connect_started_us = clock_now_us();
	timer_start(c->worker->loop->timers, &c->timer, ms > 0 ? ms : UINT32_MAX / 2,
	    on_connect_timeout, c);
}

void
connection_verify(struct connection *c, uint32_t answer_ms)
{
	await(c, answer_ms);
	c->asked = true;
	c->ops->verify(c);
}

/* It is of one client: before all else it says so. */
static void
begin_with_header(struct connection *c)
{
	char header[PROXY_HEADER_WRITTEN_MAX];
	size_t len = proxy_header_write(&c->slot->who, c->slot->send_proxy, header);

	if (len > 0)
		stream_begin_with(&c->stream, header, len);
}

/* What is ours to mend is told to whoever can; of endpoints their state tells. */
static void
tell_of_lack(const struct endpoint *ep, enum fault why)
{
	static struct log_limit limit;

	if (why == FAULT_NO_PORTS)
		log_limited(&limit, LOG_LEVEL_WARN,
		    "cannot connect to %s: no local port is left towards it; let connections be kept "
		    "(limits.keep_alive), or widen net.ipv4.ip_local_port_range",
		    ep->url);
	else if (why == FAULT_NO_RESOURCES)
		log_limited(&limit, LOG_LEVEL_WARN,
		    "cannot connect to %s: no file descriptor or memory is left; raise the limit on "
		    "descriptors (LimitNOFILE, ulimit -n)",
		    ep->url);
}

struct connection *
connection_open(struct worker *w, struct pool_slot *slot, const struct connection_ops *ops,
    uint32_t connect_ms, enum fault *why)
{
	struct endpoint *ep = slot->endpoint;
	struct connection *c;
	SSL *ssl = NULL;

	if (ep->tls) {
		if (slot->tls != NULL)
			ssl = tls_client_ssl(slot->tls, ep->host, &slot->whole->session);
		if (ssl == NULL || (ops == &connection_h2 && !tls_client_offer_h2(ssl))) {
			SSL_free(ssl);
			*why = FAULT_TLS_FAILED;
			return NULL;
		}
	}
	c = ops->new (w);
	c->ops = ops;
	c->worker = w;
	c->slot = slot;
	c->trust = slot->trust;
	if (!stream_connect(&c->stream, w->loop, (const struct sockaddr *)&ep->addr, ep->addr_len,
		&slot->keepalive, ssl, on_stream, c)) {
		*why = stream_fault(&c->stream);
		tell_of_lack(ep, *why);
		ops->free(c);
		return NULL;
	}
	begin_with_header(c);
	await(c, connect_ms);
	return c;
}

void
connection_close(struct connection *c)
{
	assert(c->leased == 0);
	timer_stop(&c->timer);
	if (!c->dirty && !c->opening) {
		if (c->ops->goodbye != NULL)
			c->ops->goodbye(c);
		stream_shutdown(&c->stream);
	}
	stream_close(&c->stream);
	c->ops->free(c);
}

void
connection_park(struct connection *c, uint32_t keep_ms)
{
	c->idle_since_ms = clock_now_ms();
	c->parked = true;
	/* 0: only for who waits already, and a timer of 0 would never fire. */
	timer_start(
	    c->worker->loop->timers, &c->timer, keep_ms > 0 ? keep_ms : 1, on_idle_timeout, c);
}
