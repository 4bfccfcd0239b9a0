// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream_h1.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/socket.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/upstream_h1_parts.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"

enum {
	MAX_INTERIMS = 16,  /* 1xx answers before the one */
	READS_PER_TURN = 4, /* then others have their turn */
};

static void read_on(void *arg);

/* ---- the answer, as it comes ---- */

void
upstream_h1_drop_saved(struct upstream_h1 *h1)
{
	if (h1->saved == NULL)
		return;
	slab_give(h1->connection.worker->loop->large, h1->saved);
	h1->saved = NULL;
	h1->saved_len = 0;
}

static void
save(struct upstream_h1 *h1, const struct span *in)
{
	if (in->len == 0)
		return;
	h1->saved = slab_take(h1->connection.worker->loop->large);
	memcpy(h1->saved, in->at, in->len);
	h1->saved_len = (uint32_t)in->len;
}

/* Bytes that came after the end of an answer belong to nothing: never to the next one. */
static void
answer_is_over(struct upstream_h1 *h1, const struct span *rest)
{
	h1->reading = UP_OVER;
	/* More may wait in the socket, of which no event will tell any more. */
	if (rest->len > 0 || !h1->keep || stream_may_read(&h1->connection.stream))
		h1->connection.dirty = true;
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
deliver(struct upstream_h1 *h1, const struct head *head, struct span *body, bool end)
{
	struct exchange *x = h1->up.side.exchange;
	enum side_go go = SIDE_ON;

	if (head != NULL)
		go = exchange_on_response(x, &h1->up.side, head, body, end);
	else if (body->len > 0 || end)
		go = exchange_on_response_body(x, body, end);
	if (go == SIDE_OVER)
		return false;
	h1->paused = h1->paused || go == SIDE_PAUSED;
	return true;
}

static bool
feed_trailers(struct upstream_h1 *h1, struct span *in)
{
	struct head trailers;
	enum h1_result r = h1_parse_trailers(
	    &h1->parse, &trailers, in->at, in->len, &h1->connection.worker->h1_limits);

	if (r == H1_MORE) {
		save(h1, in);
		return true;
	}
	if (r == H1_BAD) {
		exchange_on_upstream_lost(h1->up.side.exchange, &h1->up.side, FAULT_CUT_RESPONSE);
		return false;
	}
	advance(in, trailers.len);
	answer_is_over(h1, in);
	/* What was nominated goes from trailers too (RFC 9110 section 7.6.1). */
	if (h1->nominates)
		trailers.field_count = 0;
	exchange_on_response_trailers(h1->up.side.exchange, &trailers);
	return false;
}

/* Is the trailer section here, and empty? Then the body's last bytes end it, in one write. */
static bool
ends_here(struct upstream_h1 *h1, struct span *in, struct span *body)
{
	if (in->len < 2 || in->at[0] != '\r' || in->at[1] != '\n')
		return false;
	advance(in, 2);
	answer_is_over(h1, in);
	body->tail_room += 2; /* they lay right behind it */
	return true;
}

/*
 * Another head before the answer's own: not more of them than anybody needs, nor larger in all than
 * one head may be.
 */
static bool
interim_is_good(struct upstream_h1 *h1, const struct head *head)
{
	h1->interim_bytes += head->len;
	if (++h1->interims > MAX_INTERIMS ||
	    h1->interim_bytes > h1->connection.worker->h1_limits.head_bytes)
		return false;
	return head->status != 101 || h1_upgrade_was_offered(&h1->up.side.exchange->head, head);
}

/* head: not forwarded yet, it leaves with these bytes; or NULL. */
static bool
feed_body(struct upstream_h1 *h1, struct span *in, const struct head *head)
{
	struct slice payload;
	size_t used;
	bool chunked = h1->body.framing == FRAMING_CHUNKED;
	enum h1_result r = h1_body_decode(&h1->body, in->at, in->len, &payload, &used);
	struct span body = payload_span(in, payload, used, chunked && r == H1_DONE);

	if (r == H1_BAD) {
		exchange_on_upstream_lost(h1->up.side.exchange, &h1->up.side,
		    head != NULL ? FAULT_BAD_RESPONSE : FAULT_CUT_RESPONSE);
		return false;
	}
	advance(in, used);
	if (r == H1_MORE)
		return deliver(h1, head, &body, false);
	if (!chunked) {
		answer_is_over(h1, in);
		deliver(h1, head, &body, true);
		return false;
	}
	if (ends_here(h1, in, &body)) {
		deliver(h1, head, &body, true);
		return false;
	}
	h1->reading = UP_TRAILERS;
	memset(&h1->parse, 0, sizeof h1->parse);
	return deliver(h1, head, &body, false) && feed_trailers(h1, in);
}

/* Whoever asked by HTTP/2 would take any 2xx for the beginning of the tunnel. */
static enum fault
judge_websocket(const struct upstream_h1 *h1, const struct head *head)
{
	if (!h1->websocket)
		return FAULT_NONE;
	if (head->status == 101 && !websocket_is_granted(head, h1->accept))
		return FAULT_BAD_RESPONSE;
	return head->status / 100 == 2 ? FAULT_NOT_SWITCHED : FAULT_NONE;
}

static bool
feed_head(struct upstream_h1 *h1, struct span *in)
{
	struct head head;
	enum fault why;
	struct span none = { in->at, 0, 0, 0 };

	for (;;) {
		enum h1_result r = h1_parse_response(&h1->parse, &head, in->at, in->len,
		    &h1->connection.worker->h1_limits, h1->method, h1->upgrade);

		if (r == H1_MORE) {
			save(h1, in);
			return true;
		}
		if (r == H1_BAD || (head.status < 200 && !interim_is_good(h1, &head))) {
			exchange_on_upstream_lost(
			    h1->up.side.exchange, &h1->up.side, FAULT_BAD_RESPONSE);
			return false;
		}
		why = judge_websocket(h1, &head);
		if (why != FAULT_NONE) {
			exchange_on_upstream_lost(h1->up.side.exchange, &h1->up.side, why);
			return false;
		}
		advance(in, head.len);
		memset(&h1->parse, 0, sizeof h1->parse);
		if (head.status >= 200)
			break;
		if (head.status == 101) {
			h1->reading = UP_TUNNEL;
			h1->tunnel = true;
			return deliver(h1, &head, in, false);
		}
		if (!deliver(h1, &head, &none, false))
			return false;
	}
	h1->keep = head.keep_alive;
	h1->nominates = head.nominates;
	h1_body_begin(&h1->body, &head);
	if (head.framing == FRAMING_NONE ||
	    (head.framing == FRAMING_LENGTH && h1->body.left == 0)) {
		answer_is_over(h1, in);
		deliver(h1, &head, &none, true);
		return false;
	}
	h1->reading = UP_BODY;
	return feed_body(h1, in, &head);
}

/* False: stop, and do not touch h1: it may be gone. */
static bool
feed(struct upstream_h1 *h1, struct span *in)
{
	switch (h1->reading) {
	case UP_HEAD:
		return feed_head(h1, in);
	case UP_BODY:
		return feed_body(h1, in, NULL);
	case UP_TRAILERS:
		return feed_trailers(h1, in);
	case UP_TUNNEL:
		return deliver(h1, NULL, in, false);
	case UP_IDLE:
	case UP_OVER:
		break;
	}
	h1->connection.dirty = true;
	return false;
}

/* Of one direction only; with or without TLS's goodbye. */
static void
on_tunnel_end(struct upstream_h1 *h1, ssize_t end)
{
	struct exchange *x = h1->up.side.exchange;
	struct span none = { loop_span(h1->connection.worker->loop).at, 0, 0, 0 };

	/* A write may have been told of a reset: what is left to read then is an end. */
	if (end == STREAM_ERROR || h1->connection.stream.write_failed) {
		exchange_on_upstream_lost(x, &h1->up.side, stream_fault(&h1->connection.stream));
		return;
	}
	h1->reading = UP_OVER;
	exchange_on_response_body(x, &none, true);
}

/* The connection has ended; what that means depends on where the answer stood. */
static void
on_end(struct upstream_h1 *h1, ssize_t end)
{
	struct exchange *x = h1->up.side.exchange;
	struct span none = { h1->connection.worker->loop->plain + LOOP_HEAD_ROOM, 0, 0, 0 };

	h1->connection.dirty = true;
	if (h1->tunnel) {
		on_tunnel_end(h1, end);
	} else if (h1->reading == UP_HEAD) {
		/* Who has said something has not merely let an idle connection go. */
		if (h1->saved != NULL || h1->interims > 0)
			exchange_on_upstream_lost(x, &h1->up.side, FAULT_BAD_RESPONSE);
		else
			exchange_on_upstream_lost(x, &h1->up.side,
			    end == STREAM_ERROR ? stream_fault(&h1->connection.stream)
						: FAULT_CLOSED);
	} else if (h1->reading == UP_BODY && end == STREAM_END &&
	    h1_body_may_end_at_close(&h1->body)) {
		h1->reading = UP_OVER;
		exchange_on_response_body(x, &none, true);
	} else {
		exchange_on_upstream_lost(x, &h1->up.side, FAULT_CUT_RESPONSE);
	}
}

/*
 * Before its reset an endpoint may have answered: what it said is read first, so an answer beats a
 * failed write.
 */
static void
read_answer(struct upstream_h1 *h1)
{
	struct loop *l = h1->connection.worker->loop;

	exchange_expect_answer(h1->up.side.exchange);
	for (int reads = 0; !h1->paused; reads++) {
		struct span in = loop_span(l);
		size_t room = exchange_room(h1->up.side.exchange);
		ssize_t n;

		if (reads == READS_PER_TURN) {
			worker_defer(h1->connection.worker, &h1->read_on);
			return;
		}
		in.len = h1->saved_len;
		if (in.len > 0)
			memcpy(in.at, h1->saved, in.len);
		if (room > LOOP_CHUNK - in.len)
			room = LOOP_CHUNK - in.len;
		n = stream_read(&h1->connection.stream, in.at + in.len, room);
		if (n == STREAM_WAIT) {
			if (stream_fault(&h1->connection.stream) != FAULT_NONE)
				exchange_on_upstream_lost(h1->up.side.exchange, &h1->up.side,
				    stream_fault(&h1->connection.stream));
			return;
		}
		if (n <= 0) {
			on_end(h1, n);
			return;
		}
		upstream_h1_drop_saved(h1);
		in.len += (size_t)n;
		in.tail_room -= in.len;
		stat_add(&h1->connection.slot->shard->bytes_in, (unsigned long long)n);
		/* An answer that has not ended is read until nothing is left: a reset may lie
		 * behind. */
		if (!feed(h1, &in))
			return;
	}
}

static void
read_on(void *arg)
{
	struct upstream_h1 *h1 = arg;
	enum fault why = stream_fault(&h1->connection.stream);

	if (h1->up.side.exchange == NULL || h1->paused)
		return;
	if (h1->reading != UP_OVER)
		read_answer(h1);
	else if (why != FAULT_NONE) /* in a tunnel's other direction */
		exchange_on_upstream_lost(h1->up.side.exchange, &h1->up.side, why);
}

/* An idle connection has something to say: tickets are welcome, anything else ends it. */
static void
read_idle(struct connection *c)
{
	struct loop *l = c->worker->loop;

	if (stream_read(&c->stream, l->plain + LOOP_HEAD_ROOM, LOOP_CHUNK) != STREAM_WAIT)
		pool_discard(c);
}

/* ---- the connection ---- */

static struct upstream_h1 *
from_connection(struct connection *c)
{
	return container_of(c, struct upstream_h1, connection);
}

static struct connection *
h1_new(struct worker *w)
{
	struct upstream_h1 *h1 = slab_take(w->upstream_slab);

	memset(h1, 0, sizeof *h1);
	h1->up.side.ops = &upstream_h1_side_ops;
	h1->up.connection = &h1->connection;
	h1->read_on.fn = read_on;
	h1->read_on.arg = h1;
	return &h1->connection;
}

static void
h1_free(struct connection *c)
{
	struct upstream_h1 *h1 = from_connection(c);

	worker_undefer(&h1->read_on);
	upstream_h1_drop_saved(h1);
	slab_give(c->worker->upstream_slab, h1);
}

/*
 * Who answers before anything was asked has answered nothing (RFC 9112 section 9.2). With TLS there
 * may be tickets to read; an end that has come is for connection_opened() to see.
 */
static enum fault
spoke_first(struct connection *c)
{
	ssize_t n = STREAM_WAIT;

	if (stream_may_read(&c->stream))
		n = stream_read(&c->stream, c->worker->loop->plain + LOOP_HEAD_ROOM, LOOP_CHUNK);
	if (n > 0)
		return FAULT_SPOKE_FIRST;
	return n == STREAM_WAIT || n == STREAM_END ? FAULT_NONE : FAULT_CONNECT_RESET;
}

static void
h1_opened(struct connection *c)
{
	connection_opened(c, spoke_first(c));
}

/*
 * An event of the turn that sent the request: what it tells of was there before, and whatever it
 * looks like it is no answer. True: the try is lost.
 */
static bool
is_stale(struct upstream_h1 *h1)
{
	struct connection *c = &h1->connection;
	ssize_t n = stream_read(&c->stream, c->worker->loop->plain + LOOP_HEAD_ROOM, LOOP_CHUNK);

	if (n == STREAM_WAIT) /* tickets */
		return false;
	if (n <= 0)
		on_end(h1, n);
	else
		exchange_on_upstream_lost(h1->up.side.exchange, &h1->up.side, FAULT_CLOSED);
	return true;
}

static void
h1_on_stream(struct connection *c, unsigned events)
{
	struct upstream_h1 *h1 = from_connection(c);

	if (h1->up.side.exchange == NULL) {
		if (events & STREAM_FAILED)
			pool_discard(c);
		else if (events & STREAM_READABLE)
			read_idle(c);
		return;
	}
	if ((events & STREAM_READABLE) && h1->sent_turn == c->worker->loop->turn && is_stale(h1))
		return;
	if (events & STREAM_DRAINED)
		exchange_on_upstream_drained(h1->up.side.exchange, &h1->up.side);
	if (events & (STREAM_READABLE | STREAM_FAILED))
		read_on(h1);
}

static struct upstream *
h1_lease(struct connection *c)
{
	return &from_connection(c)->up;
}

static bool
h1_is_clean(struct connection *c)
{
	const struct upstream_h1 *h1 = from_connection(c);

	return !c->dirty && h1->reading == UP_IDLE && stream_is_drained(&c->stream) &&
	    !c->stream.peer_closed;
}

/* One request at a time. */
static bool
h1_has_room(struct connection *c)
{
	return c->leased == 0;
}

static bool
h1_is_written(struct upstream *up)
{
	return stream_is_drained(&up->connection->stream);
}

const struct connection_ops connection_h1 = {
	.new = h1_new,
	.free = h1_free,
	.opened = h1_opened,
	.on_stream = h1_on_stream,
	.lease = h1_lease,
	.is_clean = h1_is_clean,
	.has_room = h1_has_room,
	.is_written = h1_is_written,
};
