// SPDX-License-Identifier: Apache-2.0
#include "proxy/client_h1.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/listener.h"
#include "net/socket.h"
#include "net/tls_server.h"
#include "proxy/client_parts.h"
#include "proxy/report.h"

enum {
	LINGER_MS = 2000,     /* for a client that still sends while we have said goodbye */
	DRAIN_IDLE_MS = 1000, /* a busy keep-alive client hears of the drain with its next answer */
};

static void on_stall(void *arg);

/* ---- deadlines and the end ---- */

void
client_start_timer(struct client *c, uint32_t ms, timer_fn *fn)
{
	timer_start(c->worker->loop->timers, &c->timer, ms, fn, c);
}

void
client_drop_saved(struct client *c)
{
	if (c->saved == NULL)
		return;
	slab_give(c->worker->loop->large, c->saved);
	c->saved = NULL;
	c->saved_len = 0;
}

void
client_free(struct client *c)
{
	struct worker *w = c->worker;

	assert(c->side.exchange == NULL);
	timer_stop(&c->timer);
	timer_stop(&c->stall);
	worker_undefer(&c->read_on);
	client_drop_saved(c);
	stat_add(&w->stats.bytes_in, c->stream.bytes_in);
	stat_add(&w->stats.bytes_out, c->stream.bytes_out);
	stream_close(&c->stream);
	list_unlink(&c->node);
	atomic_fetch_sub_explicit(&c->listener->connections, 1, memory_order_relaxed);
	listener_unref(c->listener);
	w->client_count--;
	stat_step(&w->stats.clients, -1);
	slab_give(w->client_slab, c);
	worker_client_gone(w);
}

void
client_h1_close(struct client *c)
{
	if (c->side.exchange != NULL)
		exchange_on_client_lost(
		    c->side.exchange, FAULT_CLIENT_LEFT); /* ends in release() */
	else
		client_free(c);
}

static void
close_now(void *arg)
{
	client_free(arg);
}

void
client_linger(struct client *c)
{
	c->state = CLIENT_LINGER;
	client_drop_saved(c);
	stream_shutdown(&c->stream);
	/* What still waits for the client has the stall timer; the farewell begins behind it. */
	if (stream_is_drained(&c->stream))
		client_start_timer(c, LINGER_MS, close_now);
	else
		timer_stop(&c->timer);
	if (stream_may_read(&c->stream))
		worker_defer(c->worker, &c->read_on);
}

void
client_on_idle(void *arg)
{
	struct client *c = arg;

	client_linger(c);
}

/* With keep_alive 0 only the first request is waited for, as long as its head may take. */
void
client_watch_idle(struct client *c)
{
	const struct conf_client_limits *limits = &c->worker->limits;
	uint32_t ms = limits->keep_alive_ms > 0 ? limits->keep_alive_ms : limits->request_head_ms;

	client_start_timer(c, ms, client_on_idle);
}

void
client_refuse(struct client *c, enum fault why)
{
	char id[WORKER_REQUEST_ID];
	struct own_answer a = {
		.status = fault_status(why),
		.text = slice_of(fault_text(why)),
		.request_id = { id, sizeof id },
		.date = worker_date(c->worker),
		.close = true,
	};
	size_t len;

	worker_request_id(c->worker, id);
	len = forward_write_own(&a, c->worker->head, WORKER_HEAD);

	if (c->first_byte_us == 0)
		c->first_byte_us = clock_now_us();
	stream_write_last(&c->stream, c->worker->head, len);
	client_watch_stall(c);
	report_refused(c->worker, &c->facts, why, a.request_id, c->first_byte_us);
	client_linger(c);
}

void
client_on_head_timeout(void *arg)
{
	client_refuse(arg, FAULT_REQUEST_TIMEOUT);
}

static void
on_handshake_timeout(void *arg)
{
	struct client *c = arg;

	stat_add(&c->worker->stats.handshakes_failed, 1);
	client_free(c);
}

static void on_body_watch(void *arg);

/* Looks again when the client may have paused too long, or when its rate is due. */
static void
watch_body_again(struct client *c, uint64_t quiet_ms)
{
	const struct conf_client_limits *limits = &c->worker->limits;
	uint64_t wait_ms = limits->body_idle_ms - quiet_ms;

	if (limits->min_rate_bytes > 0 && limits->min_rate_grace_ms > 0 &&
	    limits->min_rate_grace_ms < wait_ms)
		wait_ms = limits->min_rate_grace_ms;
	client_start_timer(c, (uint32_t)wait_ms, on_body_watch);
}

void
client_watch_body(struct client *c)
{
	c->body_start_ms = c->body_last_ms = clock_now_ms();
	c->body_start_bytes = c->stream.bytes_in;
	watch_body_again(c, 0);
}

/*
 * Does the client still send its body, and fast enough on the whole? While we are the ones who do
 * not read, nothing is held against it.
 */
static void
on_body_watch(void *arg)
{
	struct client *c = arg;
	const struct conf_client_limits *limits = &c->worker->limits;
	uint64_t now_ms = clock_now_ms();
	uint64_t quiet_ms = now_ms - c->body_last_ms;
	uint64_t took_ms = now_ms - c->body_start_ms;
	uint64_t got = c->stream.bytes_in - c->body_start_bytes;
	bool slow = took_ms >= limits->min_rate_grace_ms && limits->min_rate_grace_ms > 0 &&
	    got < took_ms / 1000 * limits->min_rate_bytes;

	if (c->paused)
		client_watch_body(c);
	else if (slow || quiet_ms >= limits->body_idle_ms)
		exchange_on_client_lost(c->side.exchange, FAULT_REQUEST_TIMEOUT);
	else
		watch_body_again(c, quiet_ms);
}

/* Bytes wait for a client that does not read, or reads too slowly. */
void
client_watch_stall(struct client *c)
{
	if (stream_is_drained(&c->stream)) {
		timer_stop(&c->stall);
		return;
	}
	if (timer_running(&c->stall))
		return;
	c->stall_bytes = stream_waiting(&c->stream);
	timer_start(
	    c->worker->loop->timers, &c->stall, c->worker->limits.send_stall_ms, on_stall, c);
}

static void
on_stall(void *arg)
{
	struct client *c = arg;
	const struct conf_client_limits *limits = &c->worker->limits;
	uint64_t now = stream_waiting(&c->stream);
	uint64_t went = c->stall_bytes > now ? c->stall_bytes - now : 0;

	if (went >= (uint64_t)limits->min_rate_bytes * limits->send_stall_ms / 1000 && went > 0) {
		client_watch_stall(c);
		return;
	}
	c->broken = true;
	if (c->side.exchange != NULL)
		exchange_on_client_lost(c->side.exchange, FAULT_CLIENT_STALLED);
	else
		client_free(c);
}

/* ---- the connection ---- */

static void
read_on(void *arg)
{
	client_read(arg);
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
	c->state = CLIENT_HEAD;
	client_watch_idle(c);
}

static void
on_stream(struct stream *s, unsigned events, void *arg)
{
	struct client *c = arg;

	if (events & STREAM_FAILED) {
		if (c->state == CLIENT_HANDSHAKE)
			stat_add(&c->worker->stats.handshakes_failed, 1);
		c->broken = true;
		client_on_end(c);
		return;
	}
	if (events & STREAM_OPENED)
		on_opened(c);
	if (events & STREAM_DRAINED) {
		client_watch_stall(c);
		if (c->state == CLIENT_LINGER)
			client_start_timer(c, LINGER_MS, close_now);
		else if (c->side.exchange != NULL)
			exchange_on_client_drained(c->side.exchange);
	}
	if (events & (STREAM_READABLE | STREAM_DRAINED))
		client_read(c);
}

static void
fill_facts(struct client *c, const struct conf_listener *conf, const struct sockaddr *peer)
{
	struct client_facts *f = &c->facts;

	f->ip_len = (uint16_t)socket_format_ip(peer, f->ip, sizeof f->ip);
	f->port = socket_port(peer);
	f->listener_port = socket_port((const struct sockaddr *)&conf->bind.addr);
	f->tls = conf->tls != NULL;
	f->tls_version = "";
	f->redirect_https = conf->redirect_https;
	f->redirect_port = conf->redirect_port;
	snprintf(f->listener, sizeof f->listener, "%s", conf->name);
}

void
client_h1_accept(struct worker *w, struct listener *l, const struct conf_listener *conf, int fd,
    const struct sockaddr *peer, SSL *ssl)
{
	struct client *c = slab_take(w->client_slab);

	memset(c, 0, sizeof *c);
	c->worker = w;
	c->side.ops = &client_h1_ops;
	c->listener = l;
	c->read_on.fn = read_on;
	c->read_on.arg = c;
	fill_facts(c, conf, peer);
	list_append(&w->clients, &c->node);
	w->client_count++;
	stat_step(&w->stats.clients, 1);
	stream_accept(&c->stream, w->loop, fd, ssl, on_stream, c);
	if (ssl != NULL) {
		c->state = CLIENT_HANDSHAKE;
		client_start_timer(c, w->limits.tls_handshake_ms, on_handshake_timeout);
	} else {
		c->state = CLIENT_HEAD;
		client_watch_idle(c);
	}
}

void
client_h1_drain(struct client *c)
{
	c->keep = false;
	if (c->state == CLIENT_HEAD && c->first_byte_us == 0)
		client_start_timer(c, DRAIN_IDLE_MS, client_on_idle);
}
