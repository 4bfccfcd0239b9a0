// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream_h1.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/socket.h"
#include "proxy/exchange.h"
#include "proxy/h1_out.h"
#include "proxy/pool.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"

enum {
	MAX_INTERIMS = 16,  /* 1xx answers before the one */
	READS_PER_TURN = 4, /* then others have their turn */
};

static void read_on(void *arg);
static const struct side_ops h1_upstream_ops;

static struct upstream_h1 *
from_side(struct side *side)
{
	return container_of(side, struct upstream_h1, up.side);
}

/* ---- the answer, as it comes ---- */

static void
drop_saved(struct upstream_h1 *h1)
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
	if (rest->len > 0 || !h1->keep)
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
		if (r == H1_BAD || (head.status < 200 && ++h1->interims > MAX_INTERIMS)) {
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

	if (end == STREAM_ERROR) {
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
		if (h1->saved != NULL)
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

	for (int reads = 0; !h1->paused; reads++) {
		struct span in = loop_span(l);
		ssize_t n;

		if (reads == READS_PER_TURN) {
			worker_defer(h1->connection.worker, &h1->read_on);
			return;
		}
		in.len = h1->saved_len;
		if (in.len > 0)
			memcpy(in.at, h1->saved, in.len);
		n = stream_read(&h1->connection.stream, in.at + in.len, LOOP_CHUNK - in.len);
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
		drop_saved(h1);
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
	h1->up.side.ops = &h1_upstream_ops;
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
	drop_saved(h1);
	slab_give(c->worker->upstream_slab, h1);
}

/* Whatever came with it is read once the connection is used. */
static void
h1_opened(struct connection *c)
{
	connection_opened(c, FAULT_NONE);
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

/* ---- what the exchange asks of it ---- */

static size_t
write_head(struct upstream_h1 *h1, const struct head *head, const struct forward_request *as)
{
	char *out = h1->connection.worker->head;
	unsigned char nonce[WEBSOCKET_NONCE];
	char key[WEBSOCKET_KEY];
	struct forward_request asked;
	/* Were it a gRPC call indeed, and no mere saying so, it would go by HTTP/2. */
	bool drop =
	    head->underscores && h1->connection.worker->h1_limits.underscores == UNDERSCORES_DROP;

	h1->websocket = as->keep_upgrade && head->h2;
	if (!h1->websocket && !drop)
		return forward_write_request(head, as, out, WORKER_HEAD);
	asked = *as;
	asked.drop_underscores = drop;
	if (h1->websocket) {
		if (RAND_bytes(nonce, sizeof nonce) != 1)
			abort(); /* the process could not have begun without */
		websocket_make_key(nonce, key);
		asked.websocket_key = (struct slice){ key, sizeof key };
		websocket_accept(asked.websocket_key, h1->accept);
	}
	return forward_write_request(head, &asked, out, WORKER_HEAD);
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct upstream_h1 *h1 = from_side(side);
	size_t len = write_head(h1, head, as);

	assert(len > 0); /* the exchange refuses heads that could outgrow the buffer */
	memset(&h1->parse, 0, sizeof h1->parse);
	h1->reading = UP_HEAD;
	h1->method = head->method;
	h1->chunked_out = as->chunked;
	h1->upgrade = as->keep_upgrade;
	h1->tunnel = false;
	h1->request_sent = end;
	h1->interims = 0;
	h1->keep = false;
	h1->connection.used = true;
	h1->paused = false;
	return h1_out(&h1->connection.stream, h1->connection.worker->head, len, first,
	    h1->chunked_out, end, false);
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct upstream_h1 *h1 = from_side(side);

	h1->request_sent = end;
	if (!end || !h1->tunnel)
		return h1_out(&h1->connection.stream, NULL, 0, body, h1->chunked_out, end, false);
	/* Only a tunnel has an end that the connection must tell. */
	h1_out(&h1->connection.stream, NULL, 0, body, false, true, true);
	stream_shutdown(&h1->connection.stream);
	return stream_is_drained(&h1->connection.stream);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct upstream_h1 *h1 = from_side(side);
	char *out = h1->connection.worker->head;
	size_t len = 0;

	h1->request_sent = true;
	if (!h1->chunked_out)
		return stream_is_drained(&h1->connection.stream);
	memcpy(out, "0\r\n", 3);
	len = forward_write_trailers(trailers, out + 3, WORKER_HEAD - 3);
	if (len == 0)
		len = forward_write_trailers(NULL, out + 3, WORKER_HEAD - 3);
	return h1_out(&h1->connection.stream, out, len + 3, NULL, false, true, false);
}

static void
resume(struct side *side)
{
	struct upstream_h1 *h1 = from_side(side);

	h1->paused = false;
	worker_defer(h1->connection.worker, &h1->read_on);
}

static void
release(struct side *side, enum fault why)
{
	struct upstream_h1 *h1 = from_side(side);

	if (h1->tunnel && why != FAULT_NONE)
		socket_reset_at_close(h1->connection.stream.fd);
	else if (h1->tunnel)
		stream_shutdown(&h1->connection.stream);
	h1->up.side.exchange = NULL;
	worker_undefer(&h1->read_on);
	drop_saved(h1);
	/* An answer that came before all of the request was sent leaves the rest unsent: close. */
	if (why != FAULT_NONE || h1->reading != UP_OVER || !h1->request_sent || h1->upgrade)
		h1->connection.dirty = true;
	h1->reading = UP_IDLE;
	h1->connection.alive_ms = clock_now_ms();
	pool_return(&h1->connection);
}

static const struct side_ops h1_upstream_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
};
