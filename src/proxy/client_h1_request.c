// SPDX-License-Identifier: Apache-2.0
#include "proxy/client_h1_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"

enum { READS_PER_TURN = 4 };

static void
save(struct client_h1 *c, const struct span *in)
{
	if (in->len == 0)
		return;
	c->piecemeal = true;
	c->saved = slab_take(c->conn.worker->loop->large);
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
request_is_read(struct client_h1 *c)
{
	c->state = H1_ANSWER;
	/* Left where it is it costs nothing; moved, lines of those that it stands between. */
	if (c->conn.timer.fn != client_h1_on_idle)
		timer_stop(&c->conn.timer);
}

/* False: stop; the client may have gone on to something else meanwhile. */
static bool
went_on(struct client_h1 *c, enum side_go go)
{
	if (go == SIDE_OVER)
		return false;
	c->paused = go == SIDE_PAUSED;
	return true;
}

static bool
feed_trailers(struct client_h1 *c, struct span *in)
{
	struct head trailers;
	enum h1_result r =
	    h1_parse_trailers(&c->parse, &trailers, in->at, in->len, &c->conn.worker->h1_limits);
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

/* Trailers that came along with the head: a bad end is better known before anything is sent. */
static bool
ends_badly(struct client_h1 *c, const struct span *in)
{
	struct h1_parse parse = { 0 };
	struct head trailers;

	return h1_parse_trailers(&parse, &trailers, in->at, in->len, &c->conn.worker->h1_limits) ==
	    H1_BAD;
}

/* head: of the request, if it has not become an exchange yet. */
static void
refuse_body(struct client_h1 *c, enum fault why, const struct head *head)
{
	if (head != NULL)
		client_h1_refuse(c, why, head);
	else
		exchange_on_client_lost(c->side.exchange, why);
}

/*
 * Takes body bytes from in. head: of the request they belong to, which starts with them; or NULL.
 * What follows the request is saved before the exchange hears of its end, because the answer may
 * lead to the next request at once.
 */
static bool
feed_body(struct client_h1 *c, struct span *in, const struct head *head)
{
	struct slice payload;
	size_t used;
	bool chunked = c->body.framing == FRAMING_CHUNKED;
	enum h1_result r = h1_body_decode(&c->body, in->at, in->len, &payload, &used);
	struct span body = { in->at, payload.len, in->head_room, 0 };
	uint64_t limit = c->conn.worker->limits.max_body_bytes;
	enum side_go go = SIDE_ON;
	bool end;

	if (r == H1_BAD) {
		refuse_body(c, FAULT_BAD_REQUEST, head);
		return false;
	}
	body_rate_add(&c->rate, used, clock_now_ms());
	if (limit > 0 && chunked &&
	    (head != NULL ? 0 : c->side.exchange->body_in) + payload.len > limit) {
		refuse_body(c, FAULT_BODY_TOO_LARGE, head);
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
	if (r == H1_DONE && !end && head != NULL && ends_badly(c, in)) {
		client_h1_refuse(c, FAULT_BAD_REQUEST, head);
		return false;
	}
	if (end) {
		request_is_read(c);
		save(c, in);
		in->len = 0;
		body.tail_room = LOOP_TAIL_ROOM; /* what lay behind is saved */
	} else if (r == H1_DONE) {
		c->state = H1_TRAILERS;
		memset(&c->parse, 0, sizeof c->parse);
	} else {
		c->starved = c->piecemeal = true;
	}
	if (head != NULL)
		go = exchange_start(
		    c->conn.worker, &c->side, &c->conn.facts, head, c->first_byte_us, &body, end);
	else if (body.len > 0 || end)
		go = exchange_on_request_body(c->side.exchange, &body, end);
	if (!went_on(c, go))
		return false;
	return c->state != H1_TRAILERS || feed_trailers(c, in);
}

static bool
start_request(struct client_h1 *c, struct span *in, const struct head *head)
{
	struct span none = { in->at, 0, 0, 0 };
	uint64_t limit = c->conn.worker->limits.max_body_bytes;

	c->requests++;
	c->keep = head->keep_alive && !c->conn.leaving &&
	    c->conn.worker->limits.keep_alive_ms > 0 && c->first_byte_us < c->old_us;
	c->asked_close = !head->keep_alive;
	c->http10 = head->minor == 0;
	c->asked_keep_alive = c->http10 && head->keep_alive;
	c->head_request = head->method == METHOD_HEAD;
	if (limit > 0 && head->has_content_length && head->content_length > limit) {
		client_h1_refuse(c, FAULT_BODY_TOO_LARGE, head);
		return false;
	}
	h1_body_begin(&c->body, head);
	if (head->framing == FRAMING_NONE ||
	    (head->framing == FRAMING_LENGTH && c->body.left == 0)) {
		request_is_read(c);
		save(c, in);
		in->len = 0;
		return went_on(c,
		    exchange_start(c->conn.worker, &c->side, &c->conn.facts, head, c->first_byte_us,
			&none, true));
	}
	c->state = H1_BODY;
	client_h1_watch_body(c);
	if (in->len == 0) {
		c->starved = c->piecemeal = true;
		return went_on(c,
		    exchange_start(c->conn.worker, &c->side, &c->conn.facts, head, c->first_byte_us,
			&none, false));
	}
	return feed_body(c, in, head);
}

/* A head that is refused may be HEAD's all the same, whose answer has no body. */
static bool
begins_with_head(const struct span *in)
{
	const char *at = in->at, *stop = in->at + in->len;

	while (at < stop && (*at == '\r' || *at == '\n'))
		at++;
	return stop - at >= 5 && memcmp(at, "HEAD ", 5) == 0;
}

/* One that came in pieces is read once more: head is of the last call only (h1.h). */
static void
refuse_head(struct client_h1 *c, const struct span *in, struct head *head)
{
	struct h1_parse again = { 0 };

	if (head->method_text.len == 0)
		(void)h1_parse_request(&again, head, in->at, in->len, &c->conn.worker->h1_limits);
	c->head_request = begins_with_head(in);
	client_h1_refuse(c, c->parse.fault, head);
}

static bool
feed_head(struct client_h1 *c, struct span *in)
{
	struct head head;
	enum h1_result r;
	bool begins = c->first_byte_us == 0;

	if (begins) {
		c->first_byte_us = clock_now_us();
		c->head_request = false;
	}
	r = h1_parse_request(&c->parse, &head, in->at, in->len, &c->conn.worker->h1_limits);
	if (r == H1_MORE) {
		/* The whole head is due by then, however it trickles (slowloris). */
		if (begins)
			client_start_timer(&c->conn, c->conn.worker->limits.request_head_ms,
			    client_h1_on_head_timeout);
		save(c, in);
		c->starved = true;
		return true;
	}
	if (r == H1_BAD) {
		refuse_head(c, in, &head);
		return false;
	}
	advance(in, head.len);
	memset(&c->parse, 0, sizeof c->parse);
	return start_request(c, in, &head);
}

/* False: stop, the client may be gone or busy. */
static bool
feed(struct client_h1 *c, struct span *in)
{
	switch (c->state) {
	case H1_HEAD:
		return feed_head(c, in);
	case H1_BODY:
		return feed_body(c, in, NULL);
	case H1_TRAILERS:
		return feed_trailers(c, in);
	case H1_ANSWER: /* the next request comes early: it waits its turn */
		save(c, in);
		return false;
	case H1_TUNNEL:
		c->starved = true; /* a FIN may lie right behind */
		return went_on(c, exchange_on_request_body(c->side.exchange, in, false));
	case H1_TUNNEL_ENDED:
		break;
	}
	abort();
}

static bool
wants_bytes(const struct client_h1 *c)
{
	if (c->paused || c->state == H1_TUNNEL_ENDED)
		return false;
	/* Who does not take answers gets no more of them. */
	if (c->state == H1_HEAD && !stream_is_drained(&c->conn.stream))
		return false;
	/* While an answer is under way one chunk may wait; beyond it the socket keeps the rest. */
	if (c->state == H1_ANSWER)
		return c->saved == NULL &&
		    (stream_may_read(&c->conn.stream) ||
			(c->doubts && stream_may_have_ended(&c->conn.stream)));
	if (c->starved && stream_may_have_ended(&c->conn.stream))
		return true;
	return stream_may_read(&c->conn.stream) || (c->saved != NULL && !c->starved);
}

/* In a tunnel it is the end of one direction only; with or without TLS's goodbye. */
static void
on_end(struct client_h1 *c, ssize_t end)
{
	struct span none = { loop_span(c->conn.worker->loop).at, 0, 0, 0 };

	if (c->state != H1_TUNNEL || end == STREAM_ERROR) {
		client_h1_end(c, FAULT_CLIENT_LEFT);
		return;
	}
	c->state = H1_TUNNEL_ENDED;
	exchange_on_request_body(c->side.exchange, &none, true);
}

void
client_h1_read(struct client_h1 *c)
{
	struct worker *w = c->conn.worker;

	if (c->state == H1_HEAD) {
		exchange_expect(w);
		expect_bytes(&c->conn.facts, sizeof c->conn.facts);
	}
	for (int reads = 0; wants_bytes(c); reads++) {
		struct span in = loop_span(w->loop);
		ssize_t n = STREAM_WAIT;

		if (reads == READS_PER_TURN) {
			worker_defer(w, &c->conn.go_on);
			return;
		}
		in.len = c->saved_len;
		if (in.len > 0)
			memcpy(in.at, c->saved, in.len);
		if (in.len == 0 || c->starved) {
			c->doubts = false;
			n = stream_read(&c->conn.stream, in.at + in.len, LOOP_CHUNK - in.len);
			if (n == STREAM_WAIT)
				return;
			if (n <= 0) {
				on_end(c, n);
				return;
			}
			in.len += (size_t)n;
		}
		in.tail_room -= in.len;
		client_h1_drop_saved(c);
		c->starved = false;
		if (!feed(c, &in))
			return;
	}
}
