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
#include "proxy/h1_out.h"
#include "proxy/report.h"

enum {
	LINGER_MS = 2000, /* for a client that still sends while we have said goodbye */
	DRAIN_IDLE_MS = 1000, /* a busy keep-alive client hears of the drain with its next answer */
	READS_PER_TURN = 4,
};

static void read_requests(struct client *);
static void on_stall(void *arg);
static void watch_stall(struct client *);
static const struct side_ops h1_client_ops;

static struct client *
from_side(struct side *side)
{
	return container_of(side, struct client, side);
}

/* ---- deadlines and the end ---- */

static void
start_timer(struct client *c, uint32_t ms, timer_fn *fn)
{
	timer_start(c->worker->loop->timers, &c->timer, ms, fn, c);
}

static void
drop_saved(struct client *c)
{
	if (c->saved == NULL)
		return;
	slab_give(c->worker->loop->large, c->saved);
	c->saved = NULL;
	c->saved_len = 0;
}

static void
client_free(struct client *c)
{
	struct worker *w = c->worker;

	assert(c->side.exchange == NULL);
	timer_stop(&c->timer);
	timer_stop(&c->stall);
	worker_undefer(&c->read_on);
	drop_saved(c);
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
		exchange_on_client_lost(c->side.exchange, FAULT_CLIENT_LEFT); /* ends in release() */
	else
		client_free(c);
}

static void
close_now(void *arg)
{
	client_free(arg);
}

/*
 * Says goodbye and listens on for a while: closing a socket that still receives makes the kernel
 * send a reset, and that may overtake the answer (RFC 9112 section 9.6).
 */
static void
linger(struct client *c)
{
	c->state = CLIENT_LINGER;
	drop_saved(c);
	stream_shutdown(&c->stream);
	/* What still waits for the client has the stall timer; the farewell begins behind it. */
	if (stream_is_drained(&c->stream))
		start_timer(c, LINGER_MS, close_now);
	else
		timer_stop(&c->timer);
	if (stream_may_read(&c->stream))
		worker_defer(c->worker, &c->read_on);
}

static void
on_idle(void *arg)
{
	struct client *c = arg;

	linger(c);
}

/* A request that cannot become an exchange: answered here, and the connection ends. */
static void
refuse(struct client *c, enum fault why)
{
	struct own_answer a = {
		.status = fault_status(why),
		.text = slice_of(fault_text(why)),
		.close = true,
	};
	size_t len = forward_write_own(&a, c->worker->head, WORKER_HEAD);

	if (c->first_byte_us == 0)
		c->first_byte_us = clock_now_us();
	stream_write(&c->stream, c->worker->head, len);
	watch_stall(c);
	report_refused(c->worker, &c->facts, why, a.status, c->first_byte_us);
	linger(c);
}

static void
on_head_timeout(void *arg)
{
	refuse(arg, FAULT_REQUEST_TIMEOUT);
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
	start_timer(c, (uint32_t)wait_ms, on_body_watch);
}

static void
watch_body(struct client *c)
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
		watch_body(c);
	else if (slow || quiet_ms >= limits->body_idle_ms)
		exchange_on_client_lost(c->side.exchange, FAULT_REQUEST_TIMEOUT);
	else
		watch_body_again(c, quiet_ms);
}

/* Bytes wait for a client that does not read, or reads too slowly. */
static void
watch_stall(struct client *c)
{
	if (stream_is_drained(&c->stream)) {
		timer_stop(&c->stall);
		return;
	}
	if (timer_running(&c->stall))
		return;
	c->stall_bytes = stream_waiting(&c->stream);
	timer_start(c->worker->loop->timers, &c->stall, c->worker->limits.send_stall_ms, on_stall,
	    c);
}

static void
on_stall(void *arg)
{
	struct client *c = arg;
	const struct conf_client_limits *limits = &c->worker->limits;
	uint64_t now = stream_waiting(&c->stream);
	uint64_t went = c->stall_bytes > now ? c->stall_bytes - now : 0;

	if (went >= (uint64_t)limits->min_rate_bytes * limits->send_stall_ms / 1000 && went > 0) {
		watch_stall(c);
		return;
	}
	c->broken = true;
	if (c->side.exchange != NULL)
		exchange_on_client_lost(c->side.exchange, FAULT_CLIENT_STALLED);
	else
		client_free(c);
}

/* ---- requests, as they come ---- */

static void
save(struct client *c, const struct span *in)
{
	if (in->len == 0)
		return;
	c->saved = slab_take(c->worker->loop->large);
	memcpy(c->saved, in->at, in->len);
	c->saved_len = (uint32_t)in->len;
}

static void
advance(struct span *s, size_t n)
{
	s->at += n;
	s->len -= n;
	s->head_room += n;
}

static void
request_is_read(struct client *c)
{
	c->state = CLIENT_ANSWER;
	timer_stop(&c->timer);
}

/* False: stop; the client may have gone on to something else meanwhile. */
static bool
went_on(struct client *c, enum side_go go)
{
	if (go == SIDE_OVER)
		return false;
	c->paused = go == SIDE_PAUSED;
	return true;
}

static bool
feed_trailers(struct client *c, struct span *in)
{
	struct head trailers;
	enum h1_result r = h1_parse_trailers(&c->parse, &trailers, in->at, in->len,
	    &c->worker->h1_limits);
	struct span rest = *in;

	if (r == H1_MORE) {
		save(c, in);
		c->starved = true;
		return true;
	}
	if (r == H1_BAD) {
		exchange_on_client_lost(c->side.exchange, FAULT_BAD_REQUEST);
		return false;
	}
	advance(&rest, trailers.len);
	memset(&c->parse, 0, sizeof c->parse);
	request_is_read(c);
	save(c, &rest);
	in->len = 0;
	return went_on(c, exchange_on_request_trailers(c->side.exchange, &trailers));
}

/*
 * Takes body bytes from in. head: of the request they belong to, which starts with them; or NULL.
 * What follows the request is saved before the exchange hears of its end, because the answer may
 * lead to the next request at once.
 */
static bool
feed_body(struct client *c, struct span *in, const struct head *head)
{
	struct slice payload;
	size_t used;
	bool chunked = c->body.framing == FRAMING_CHUNKED;
	enum h1_result r = h1_body_decode(&c->body, in->at, in->len, &payload, &used);
	struct span body = { in->at, payload.len, in->head_room, 0 };
	uint64_t limit = c->worker->limits.max_body_bytes;
	enum side_go go = SIDE_ON;
	bool end;

	if (r == H1_BAD) {
		if (head != NULL)
			refuse(c, FAULT_BAD_REQUEST);
		else
			exchange_on_client_lost(c->side.exchange, FAULT_BAD_REQUEST);
		return false;
	}
	c->body_last_ms = clock_now_ms();
	if (limit > 0 && chunked &&
	    (head != NULL ? 0 : c->side.exchange->body_in) + payload.len > limit) {
		if (head != NULL)
			refuse(c, FAULT_BODY_TOO_LARGE);
		else
			exchange_on_client_lost(c->side.exchange, FAULT_BODY_TOO_LARGE);
		return false;
	}
	if (payload.len > 0) {
		body.at = in->at + (payload.at - in->at);
		body.head_room += (size_t)(payload.at - in->at);
		body.tail_room = used - (size_t)(payload.at - in->at) - payload.len;
	}
	advance(in, used);
	end = r == H1_DONE && !chunked;
	if (r == H1_DONE && chunked && in->len >= 2 && in->at[0] == '\r' && in->at[1] == '\n') {
		advance(in, 2); /* no trailers: the last bytes and the end in one write */
		body.tail_room += 2;
		end = true;
	}
	if (end) {
		request_is_read(c);
		save(c, in);
		in->len = 0;
		body.tail_room = LOOP_TAIL_ROOM; /* what lay behind is saved */
	} else if (r == H1_DONE) {
		c->state = CLIENT_TRAILERS;
		memset(&c->parse, 0, sizeof c->parse);
	} else {
		c->starved = true;
	}
	if (head != NULL)
		go = exchange_start(c->worker, &c->side, &c->facts, head, c->first_byte_us, &body,
		    end);
	else if (body.len > 0 || end)
		go = exchange_on_request_body(c->side.exchange, &body, end);
	if (!went_on(c, go))
		return false;
	return c->state != CLIENT_TRAILERS || feed_trailers(c, in);
}

static bool
start_request(struct client *c, struct span *in, const struct head *head)
{
	struct span none = { in->at, 0, 0, 0 };
	uint64_t limit = c->worker->limits.max_body_bytes;

	c->requests++;
	c->keep = head->keep_alive && !c->worker->draining;
	c->http10 = head->minor == 0;
	c->asked_keep_alive = c->http10 && head->keep_alive;
	c->head_request = head->method == METHOD_HEAD;
	if (limit > 0 && head->has_content_length && head->content_length > limit) {
		refuse(c, FAULT_BODY_TOO_LARGE);
		return false;
	}
	h1_body_begin(&c->body, head);
	if (head->framing == FRAMING_NONE || (head->framing == FRAMING_LENGTH && c->body.left == 0)) {
		request_is_read(c);
		save(c, in);
		in->len = 0;
		return went_on(c, exchange_start(c->worker, &c->side, &c->facts, head,
		    c->first_byte_us, &none, true));
	}
	c->state = CLIENT_BODY;
	watch_body(c);
	if (in->len == 0) {
		c->starved = true;
		return went_on(c, exchange_start(c->worker, &c->side, &c->facts, head,
		    c->first_byte_us, &none, false));
	}
	return feed_body(c, in, head);
}

static bool
feed_head(struct client *c, struct span *in)
{
	struct head head;
	enum h1_result r;

	if (c->first_byte_us == 0) {
		c->first_byte_us = clock_now_us();
		/* The whole head is due by then, however it trickles (slowloris). */
		start_timer(c, c->worker->limits.request_head_ms, on_head_timeout);
	}
	r = h1_parse_request(&c->parse, &head, in->at, in->len, &c->worker->h1_limits);
	if (r == H1_MORE) {
		save(c, in);
		c->starved = true;
		return true;
	}
	if (r == H1_BAD) {
		refuse(c, c->parse.fault);
		return false;
	}
	advance(in, head.len);
	memset(&c->parse, 0, sizeof c->parse);
	return start_request(c, in, &head);
}

/* False: stop, the client may be gone or busy. */
static bool
feed(struct client *c, struct span *in)
{
	switch (c->state) {
	case CLIENT_HEAD:
		return feed_head(c, in);
	case CLIENT_BODY:
		return feed_body(c, in, NULL);
	case CLIENT_TRAILERS:
		return feed_trailers(c, in);
	case CLIENT_ANSWER: /* the next request comes early: it waits its turn */
		save(c, in);
		return false;
	case CLIENT_HANDSHAKE:
	case CLIENT_LINGER:
		break;
	}
	return true; /* thrown away */
}

static void
on_end(struct client *c)
{
	if (c->side.exchange != NULL)
		exchange_on_client_lost(c->side.exchange, FAULT_CLIENT_LEFT);
	else
		client_free(c);
}

static bool
wants_bytes(const struct client *c)
{
	if (c->paused)
		return false;
	/* Who does not take answers gets no more of them. */
	if (c->state == CLIENT_HEAD && !stream_is_drained(&c->stream))
		return false;
	/* While an answer is under way one chunk may wait; beyond it the socket keeps the rest. */
	if (c->state == CLIENT_ANSWER)
		return c->saved == NULL && stream_may_read(&c->stream);
	return stream_may_read(&c->stream) || (c->saved != NULL && !c->starved);
}

static void
read_requests(struct client *c)
{
	struct worker *w = c->worker;

	for (int reads = 0; wants_bytes(c); reads++) {
		struct span in = loop_span(w->loop);
		ssize_t n = STREAM_WAIT;

		if (reads == READS_PER_TURN) {
			worker_defer(w, &c->read_on);
			return;
		}
		in.len = c->saved_len;
		if (in.len > 0)
			memcpy(in.at, c->saved, in.len);
		if (in.len == 0 || c->starved) {
			n = stream_read(&c->stream, in.at + in.len, LOOP_CHUNK - in.len);
			if (n == STREAM_WAIT)
				return;
			if (n <= 0) {
				on_end(c);
				return;
			}
			in.len += (size_t)n;
		}
		in.tail_room -= in.len;
		drop_saved(c);
		c->starved = false;
		if (!feed(c, &in))
			return;
	}
}

static void
read_on(void *arg)
{
	read_requests(arg);
}

/* ---- the connection ---- */

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
	start_timer(c, w->limits.keep_alive_ms, on_idle);
}

static void
on_stream(struct stream *s, unsigned events, void *arg)
{
	struct client *c = arg;

	if (events & STREAM_FAILED) {
		if (c->state == CLIENT_HANDSHAKE)
			stat_add(&c->worker->stats.handshakes_failed, 1);
		c->broken = true;
		on_end(c);
		return;
	}
	if (events & STREAM_OPENED)
		on_opened(c);
	if (events & STREAM_DRAINED) {
		watch_stall(c);
		if (c->state == CLIENT_LINGER)
			start_timer(c, LINGER_MS, close_now);
		else if (c->side.exchange != NULL)
			exchange_on_client_drained(c->side.exchange);
	}
	if (events & (STREAM_READABLE | STREAM_DRAINED))
		read_requests(c);
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
	c->side.ops = &h1_client_ops;
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
		start_timer(c, w->limits.tls_handshake_ms, on_handshake_timeout);
	} else {
		c->state = CLIENT_HEAD;
		start_timer(c, w->limits.keep_alive_ms, on_idle);
	}
}

void
client_h1_drain(struct client *c)
{
	c->keep = false;
	if (c->state == CLIENT_HEAD && c->first_byte_us == 0)
		start_timer(c, DRAIN_IDLE_MS, on_idle);
}

/* ---- what the exchange asks of it ---- */

static bool
must_close_after(const struct client *c)
{
	/* A body that was not read to its end would be taken for the next request. */
	return !c->keep || c->state != CLIENT_ANSWER || c->worker->draining;
}

static bool
send_interim(struct client *c, const struct head *head)
{
	struct forward_response as = { .to_http10 = false };
	size_t len;

	if (c->http10)
		return true; /* RFC 9110 section 15.2: 1.0 knows none */
	len = forward_write_response(head, &as, c->worker->head, WORKER_HEAD);
	return stream_write(&c->stream, c->worker->head, len);
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct client *c = from_side(side);
	struct forward_response out = { .to_http10 = c->http10 };
	bool marked = head->framing == FRAMING_CHUNKED || head->framing == FRAMING_CLOSE;
	bool drained;
	size_t len;

	if (head->status < 200)
		return send_interim(c, head);
	c->chunked_out = marked && !c->http10 && !c->head_request;
	if (marked && c->http10 && !c->head_request)
		c->keep = false; /* its end is the connection's end */
	out.chunked = marked && !c->http10;
	if (exchange_adds_via(side->exchange))
		out.via = SLICE("detour");
	out.close = must_close_after(c);
	out.say_keep_alive = !out.close && c->asked_keep_alive;
	if (out.close)
		c->keep = false;
	len = forward_write_response(head, &out, c->worker->head, WORKER_HEAD);
	assert(len > 0); /* the parser's limit on heads leaves room for what we add */
	drained = h1_out(&c->stream, c->worker->head, len, first, c->chunked_out, end);
	watch_stall(c);
	return drained;
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct client *c = from_side(side);
	bool drained = h1_out(&c->stream, NULL, 0, body, c->chunked_out, end);

	watch_stall(c);
	return drained;
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct client *c = from_side(side);
	char *out = c->worker->head;
	size_t len;

	if (!c->chunked_out)
		return stream_is_drained(&c->stream);
	memcpy(out, "0\r\n", 3);
	len = forward_write_trailers(trailers, out + 3, WORKER_HEAD - 3);
	if (len == 0)
		len = forward_write_trailers(NULL, out + 3, WORKER_HEAD - 3);
	return h1_out(&c->stream, out, len + 3, NULL, false, true);
}

static void
resume(struct side *side)
{
	struct client *c = from_side(side);

	c->paused = false;
	worker_defer(c->worker, &c->read_on);
}

/* The connection carries on with the next request, or ends. */
static void
release(struct side *side, enum fault why)
{
	struct client *c = from_side(side);
	bool next = !must_close_after(c) && why == FAULT_NONE;

	c->side.exchange = NULL;
	c->paused = false;
	c->first_byte_us = 0;
	if (why != FAULT_NONE || c->broken) {
		/* Without TLS's goodbye, and with chunks unended: a cut answer shows as cut. */
		client_free(c);
		return;
	}
	if (!next) {
		linger(c);
		return;
	}
	c->state = CLIENT_HEAD;
	start_timer(c, c->worker->limits.keep_alive_ms, on_idle);
	if (c->saved != NULL || stream_may_read(&c->stream))
		worker_defer(c->worker, &c->read_on);
}

static void
answer(struct side *side, struct own_answer *a)
{
	struct client *c = from_side(side);
	const struct exchange *x = side->exchange;
	const struct field *accept = head_find(&x->head, FIELD_ACCEPT);
	size_t len;

	a->request_id = (struct slice){ x->request_id, sizeof x->request_id };
	if (accept != NULL)
		a->accept = field_value(&x->head, accept);
	a->head_only = c->head_request;
	a->close = must_close_after(c);
	if (a->close)
		c->keep = false;
	len = forward_write_own(a, c->worker->head, WORKER_HEAD);
	stream_write(&c->stream, c->worker->head, len);
	watch_stall(c);
}

static void
proceed(struct side *side)
{
	struct client *c = from_side(side);
	struct slice go = SLICE("HTTP/1.1 100 Continue\r\n\r\n");

	if (!c->http10)
		stream_write(&c->stream, go.at, go.len);
}

static const struct side_ops h1_client_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
	.answer = answer,
	.proceed = proceed,
};
