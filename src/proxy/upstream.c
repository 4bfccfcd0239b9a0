// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/socket.h"
#include "net/tls_client.h"
#include "proxy/exchange.h"
#include "proxy/h1_out.h"
#include "proxy/pool.h"

enum {
	MAX_INTERIMS = 16,  /* 1xx answers before the one */
	READS_PER_TURN = 4, /* then others have their turn */
};

static void read_on(void *arg);
static const struct side_ops h1_upstream_ops;

static struct upstream *
from_side(struct side *side)
{
	return container_of(side, struct upstream, side);
}

/* ---- the answer, as it comes ---- */

static void
drop_saved(struct upstream *up)
{
	if (up->saved == NULL)
		return;
	slab_give(up->worker->loop->large, up->saved);
	up->saved = NULL;
	up->saved_len = 0;
}

static void
save(struct upstream *up, const struct span *in)
{
	if (in->len == 0)
		return;
	up->saved = slab_take(up->worker->loop->large);
	memcpy(up->saved, in->at, in->len);
	up->saved_len = (uint32_t)in->len;
}

/* Bytes that came after the end of an answer belong to nothing: never to the next one. */
static void
answer_is_over(struct upstream *up, const struct span *rest)
{
	up->reading = UP_OVER;
	if (rest->len > 0 || !up->keep)
		up->dirty = true;
}

static void
advance(struct span *s, size_t n)
{
	s->at += n;
	s->len -= n;
	s->head_room += n;
}

/* What h1_body_decode() found, with the room around it that nobody needs any more. */
static struct span
payload_span(const struct span *in, struct slice payload, size_t used, bool rest_needed)
{
	struct span s = { in->at, payload.len, in->head_room, 0 };
	size_t front;

	if (payload.len == 0) {
		s.tail_room = rest_needed ? used : in->len + in->tail_room;
		return s;
	}
	front = (size_t)(payload.at - in->at);
	s.at += front;
	s.head_room += front;
	s.tail_room = (rest_needed ? used : in->len + in->tail_room) - front - payload.len;
	return s;
}

static bool
deliver(struct upstream *up, const struct head *head, struct span *body, bool end)
{
	if (head != NULL)
		return exchange_on_response(up->side.exchange, &up->side, head, body, end) != SIDE_OVER;
	if (body->len == 0 && !end)
		return true;
	return exchange_on_response_body(up->side.exchange, body, end) != SIDE_OVER;
}

static bool
feed_trailers(struct upstream *up, struct span *in)
{
	struct head trailers;
	enum h1_result r =
	    h1_parse_trailers(&up->parse, &trailers, in->at, in->len, &up->worker->h1_limits);

	if (r == H1_MORE) {
		save(up, in);
		return true;
	}
	if (r == H1_BAD) {
		exchange_on_upstream_lost(up->side.exchange, &up->side, FAULT_CUT_RESPONSE);
		return false;
	}
	advance(in, trailers.len);
	answer_is_over(up, in);
	exchange_on_response_trailers(up->side.exchange, &trailers);
	return false;
}

/* Is the trailer section here, and empty? Then the body's last bytes end it, in one write. */
static bool
ends_here(struct upstream *up, struct span *in, struct span *body)
{
	if (in->len < 2 || in->at[0] != '\r' || in->at[1] != '\n')
		return false;
	advance(in, 2);
	answer_is_over(up, in);
	body->tail_room += 2; /* they lay right behind it */
	return true;
}

/* head: not forwarded yet, it leaves with these bytes; or NULL. */
static bool
feed_body(struct upstream *up, struct span *in, const struct head *head)
{
	struct slice payload;
	size_t used;
	bool chunked = up->body.framing == FRAMING_CHUNKED;
	enum h1_result r = h1_body_decode(&up->body, in->at, in->len, &payload, &used);
	struct span body = payload_span(in, payload, used, chunked && r == H1_DONE);

	if (r == H1_BAD) {
		exchange_on_upstream_lost(
		    up->side.exchange, &up->side, head != NULL ? FAULT_BAD_RESPONSE : FAULT_CUT_RESPONSE);
		return false;
	}
	advance(in, used);
	if (r == H1_MORE)
		return deliver(up, head, &body, false);
	if (!chunked) {
		answer_is_over(up, in);
		deliver(up, head, &body, true);
		return false;
	}
	if (ends_here(up, in, &body)) {
		deliver(up, head, &body, true);
		return false;
	}
	up->reading = UP_TRAILERS;
	memset(&up->parse, 0, sizeof up->parse);
	return deliver(up, head, &body, false) && feed_trailers(up, in);
}

static bool
feed_head(struct upstream *up, struct span *in)
{
	struct head head;
	struct span none = { in->at, 0, 0, 0 };

	for (;;) {
		enum h1_result r = h1_parse_response(
		    &up->parse, &head, in->at, in->len, &up->worker->h1_limits, up->method, false);

		if (r == H1_MORE) {
			save(up, in);
			return true;
		}
		if (r == H1_BAD || (head.status < 200 && ++up->interims > MAX_INTERIMS)) {
			exchange_on_upstream_lost(up->side.exchange, &up->side, FAULT_BAD_RESPONSE);
			return false;
		}
		advance(in, head.len);
		memset(&up->parse, 0, sizeof up->parse);
		if (head.status >= 200)
			break;
		if (!deliver(up, &head, &none, false))
			return false;
	}
	up->keep = head.keep_alive;
	h1_body_begin(&up->body, &head);
	if (head.framing == FRAMING_NONE ||
	    (head.framing == FRAMING_LENGTH && up->body.left == 0)) {
		answer_is_over(up, in);
		deliver(up, &head, &none, true);
		return false;
	}
	up->reading = UP_BODY;
	return feed_body(up, in, &head);
}

/* False: stop, and do not touch up: it may be gone. */
static bool
feed(struct upstream *up, struct span *in)
{
	switch (up->reading) {
	case UP_HEAD:
		return feed_head(up, in);
	case UP_BODY:
		return feed_body(up, in, NULL);
	case UP_TRAILERS:
		return feed_trailers(up, in);
	case UP_IDLE:
	case UP_OVER:
		break;
	}
	up->dirty = true;
	return false;
}

/* The connection has ended; what that means depends on where the answer stood. */
static void
on_end(struct upstream *up, ssize_t end)
{
	struct exchange *x = up->side.exchange;
	struct span none = { up->worker->loop->plain + LOOP_HEAD_ROOM, 0, 0, 0 };

	up->dirty = true;
	if (up->reading == UP_HEAD) {
		if (up->saved != NULL)
			exchange_on_upstream_lost(x, &up->side, FAULT_BAD_RESPONSE);
		else
			exchange_on_upstream_lost(
			    x, &up->side, end == STREAM_ERROR ? stream_fault(&up->stream) : FAULT_CLOSED);
	} else if (up->reading == UP_BODY && end == STREAM_END &&
	    h1_body_may_end_at_close(&up->body)) {
		up->reading = UP_OVER;
		exchange_on_response_body(x, &none, true);
	} else {
		exchange_on_upstream_lost(x, &up->side, FAULT_CUT_RESPONSE);
	}
}

/*
 * Before its reset an endpoint may have answered: what it said is read first, so an answer beats a
 * failed write.
 */
static void
read_answer(struct upstream *up)
{
	struct loop *l = up->worker->loop;

	for (int reads = 0; !up->paused; reads++) {
		struct span in = loop_span(l);
		ssize_t n;

		if (reads == READS_PER_TURN) {
			worker_defer(up->worker, &up->read_on);
			return;
		}
		in.len = up->saved_len;
		if (in.len > 0)
			memcpy(in.at, up->saved, in.len);
		n = stream_read(&up->stream, in.at + in.len, LOOP_CHUNK - in.len);
		if (n == STREAM_WAIT) {
			if (stream_fault(&up->stream) != FAULT_NONE)
				exchange_on_upstream_lost(
				    up->side.exchange, &up->side, stream_fault(&up->stream));
			return;
		}
		if (n <= 0) {
			on_end(up, n);
			return;
		}
		drop_saved(up);
		in.len += (size_t)n;
		in.tail_room -= in.len;
		stat_add(&up->slot->shard->bytes_in, (unsigned long long)n);
		/* An answer that has not ended is read until nothing is left: a reset may lie
		 * behind. */
		if (!feed(up, &in))
			return;
	}
}

static void
read_on(void *arg)
{
	struct upstream *up = arg;

	if (up->side.exchange != NULL && !up->paused)
		read_answer(up);
}

/* An idle connection has something to say: tickets are welcome, anything else ends it. */
static void
read_idle(struct upstream *up)
{
	struct loop *l = up->worker->loop;

	if (stream_read(&up->stream, l->plain + LOOP_HEAD_ROOM, LOOP_CHUNK) != STREAM_WAIT)
		pool_discard(up);
}

/* ---- the connection ---- */

/* One question for a connection, not for a request; a second apart is often enough. */
static void
measure_path(const struct upstream *up)
{
	uint64_t now_us = clock_now_us();
	struct socket_path path;

	if (pool_rtt_is_old(up->slot, now_us) && socket_path(up->stream.fd, &path))
		pool_learn_rtt(up->slot, path.rtt_us, now_us);
}

static void
on_opened(struct upstream *up)
{
	up->opening = false;
	timer_stop(&up->timer);
	up->connect_us = clock_now_us() - up->connect_started_us;
	measure_path(up);
	/* Accepted and closed at once: another connection would fare no better. */
	pool_on_opened(up, up->stream.peer_closed ? FAULT_CONNECT_RESET : FAULT_NONE);
}

static void
on_stream(struct stream *s, unsigned events, void *arg)
{
	struct upstream *up = arg;

	if (events & STREAM_OPENED) {
		on_opened(up);
		return; /* whatever came with it is read once the connection is used */
	}
	if (up->opening) {
		pool_on_opened(up, stream_fault(s));
		return;
	}
	if (up->side.exchange == NULL) {
		if (events & STREAM_FAILED)
			pool_discard(up);
		else if (events & STREAM_READABLE)
			read_idle(up);
		return;
	}
	if (events & STREAM_DRAINED)
		exchange_on_upstream_drained(up->side.exchange, &up->side);
	if (events & (STREAM_READABLE | STREAM_FAILED))
		read_on(up);
}

static void
on_connect_timeout(void *arg)
{
	pool_on_opened(arg, FAULT_CONNECT_TIMEOUT);
}

static void
on_idle_timeout(void *arg)
{
	pool_discard(arg);
}

struct upstream *
upstream_open(struct worker *w, struct pool_slot *slot, uint32_t connect_ms, enum fault *why)
{
	struct endpoint *ep = slot->endpoint;
	struct upstream *up;
	SSL *ssl = NULL;

	if (ep->tls) {
		if (slot->tls != NULL)
			ssl = tls_client_ssl(slot->tls, ep->host, &slot->session);
		if (ssl == NULL) {
			*why = FAULT_TLS_FAILED;
			return NULL;
		}
	}
	up = slab_take(w->upstream_slab);
	memset(up, 0, sizeof *up);
	up->worker = w;
	up->slot = slot;
	up->opening = true;
	up->side.ops = &h1_upstream_ops;
	up->read_on.fn = read_on;
	up->read_on.arg = up;
	up->connect_started_us = clock_now_us();
	if (!stream_connect(&up->stream, w->loop, (const struct sockaddr *)&ep->addr, ep->addr_len,
		ssl, on_stream, up)) {
		*why = stream_fault(&up->stream);
		slab_give(w->upstream_slab, up);
		return NULL;
	}
	timer_start(w->loop->timers, &up->timer, connect_ms > 0 ? connect_ms : UINT32_MAX / 2,
	    on_connect_timeout, up);
	return up;
}

void
upstream_close(struct upstream *up)
{
	struct worker *w = up->worker;

	assert(up->side.exchange == NULL);
	timer_stop(&up->timer);
	worker_undefer(&up->read_on);
	drop_saved(up);
	if (!up->dirty && !up->opening)
		stream_shutdown(&up->stream);
	stream_close(&up->stream);
	slab_give(w->upstream_slab, up);
}

void
upstream_take(struct upstream *up)
{
	timer_stop(&up->timer);
}

void
upstream_park(struct upstream *up, uint32_t keep_ms)
{
	up->reading = UP_IDLE;
	up->idle_since_ms = clock_now_ms();
	/* 0: only for who waits already, and a timer of 0 would never fire. */
	timer_start(
	    up->worker->loop->timers, &up->timer, keep_ms > 0 ? keep_ms : 1, on_idle_timeout, up);
}

bool
upstream_is_clean(const struct upstream *up)
{
	return !up->dirty && (up->reading == UP_IDLE || up->reading == UP_OVER) &&
	    stream_is_drained(&up->stream) && !up->stream.peer_closed;
}

/* ---- what the exchange asks of it ---- */

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct upstream *up = from_side(side);
	size_t len = forward_write_request(head, as, up->worker->head, WORKER_HEAD);

	assert(len > 0); /* the exchange refuses heads that could outgrow the buffer */
	memset(&up->parse, 0, sizeof up->parse);
	up->reading = UP_HEAD;
	up->method = head->method;
	up->chunked_out = as->chunked;
	up->request_sent = end;
	up->interims = 0;
	up->keep = false;
	up->used = true;
	up->paused = false;
	return h1_out(&up->stream, up->worker->head, len, first, up->chunked_out, end, false);
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct upstream *up = from_side(side);

	up->request_sent = end;
	return h1_out(&up->stream, NULL, 0, body, up->chunked_out, end, false);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct upstream *up = from_side(side);
	char *out = up->worker->head;
	size_t len = 0;

	up->request_sent = true;
	if (!up->chunked_out)
		return stream_is_drained(&up->stream);
	memcpy(out, "0\r\n", 3);
	len = forward_write_trailers(trailers, out + 3, WORKER_HEAD - 3);
	if (len == 0)
		len = forward_write_trailers(NULL, out + 3, WORKER_HEAD - 3);
	return h1_out(&up->stream, out, len + 3, NULL, false, true, false);
}

static void
resume(struct side *side)
{
	struct upstream *up = from_side(side);

	up->paused = false;
	worker_defer(up->worker, &up->read_on);
}

static void
release(struct side *side, enum fault why)
{
	struct upstream *up = from_side(side);

	up->side.exchange = NULL;
	worker_undefer(&up->read_on);
	drop_saved(up);
	/* An answer that came before all of the request was sent leaves the rest unsent: close. */
	if (why != FAULT_NONE || up->reading != UP_OVER || !up->request_sent)
		up->dirty = true;
	pool_return(up);
}

static const struct side_ops h1_upstream_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
};
