// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/slab.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/upstream_h2.h"

enum {
	MAX_INTERIMS = 16, /* 1xx answers before the one */
	TAIL = 16,         /* for what an HTTP/1 client's chunk ends with */
};

/* Room behind the bytes, though more frames lie there: in front of them everything is read. */
static void
make_tail(struct span *body)
{
	if (body->len == 0 || body->tail_room >= TAIL || body->head_room < TAIL)
		return;
	memmove(body->at - TAIL, body->at, body->len);
	body->at -= TAIL;
	body->head_room -= TAIL;
	body->tail_room += TAIL;
}

void
upstream_stream_credit(struct upstream_stream *s, uint64_t bytes)
{
	if (!s->closed && bytes > 0)
		nghttp2_session_consume_stream(
		    upstream_stream_h2(s)->session, s->id, (size_t)bytes);
}

static void
went(struct upstream_stream *s, enum side_go go, size_t len)
{
	switch (go) {
	case SIDE_ON:
		upstream_stream_credit(s, len);
		return;
	case SIDE_PAUSED:
		s->paused = true;
		s->owed += len;
		return;
	case SIDE_OVER:
		return;
	}
}

static void
hand_over(struct upstream_stream *s, struct span *body, bool end)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	struct exchange *x = s->up.side.exchange;
	size_t len = body->len;
	enum side_go go;

	make_tail(body);
	s->end_told = end;
	if (h2->withheld == s) {
		h2->withheld = NULL;
		go = exchange_on_response(x, &s->up.side, &h2->head->h2.head, body, end);
		if (h2->withheld == NULL && h2->heading == NULL)
			upstream_h2_drop_head(h2);
	} else {
		go = exchange_on_response_body(x, body, end);
	}
	went(s, go, len);
}

static struct span
nothing(const struct upstream_stream *s)
{
	struct loop *l = upstream_stream_loop(s);

	return (struct span){ l->plain + LOOP_HEAD_ROOM, 0, 0, 0 };
}

void
upstream_h2_let_head_go(struct upstream_h2 *h2)
{
	struct span none;

	if (h2->withheld == NULL)
		return;
	none = nothing(h2->withheld);
	hand_over(h2->withheld, &none, false);
}

static void
interim(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	struct head *head = &h2->head->h2.head;
	struct span none = nothing(s);

	/* Not more than anybody needs, nor larger in all than one head may be. */
	s->interim_bytes += head->len;
	if (head->status == 101 || ++s->interims > MAX_INTERIMS ||
	    s->interim_bytes > h2->connection.worker->h1_limits.head_bytes) {
		upstream_stream_spoilt(s);
		return;
	}
	went(s, exchange_on_response(s->up.side.exchange, &s->up.side, head, &none, false), 0);
}

/* The exchange hears what HTTP/1.1 would have said. */
static void
begin_tunnel(struct upstream_stream *s, bool end)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	struct head *head = &h2->head->h2.head;
	struct span none = nothing(s);

	head->status = 101;
	head->upgrade = true;
	s->answered = s->tunnel = true;
	h2->withheld = s;
	hand_over(s, &none, false);
	if (end && s->up.side.exchange != NULL)
		upstream_stream_body(s, &none, true);
}

void
upstream_stream_answer(struct upstream_stream *s, bool end)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	const struct head *head = &h2->head->h2.head;
	struct span none = nothing(s);

	if (head->status < 200) {
		interim(s);
		return;
	}
	if (s->websocket && head->status / 100 == 2) {
		begin_tunnel(s, end);
		return;
	}
	s->answered = true;
	s->has_length = head->framing == FRAMING_LENGTH;
	s->body_left = s->has_length ? head->content_length : 0;
	h2->withheld = s;
	if (!end)
		return;
	s->ended = true;
	hand_over(s, &none, true);
}

/* What comes goes behind what is kept, also between resume() and the loop's go_on(). */
static bool
must_wait(const struct upstream_stream *s)
{
	return s->paused || s->in.len > 0;
}

void
upstream_stream_trailers(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	s->ended = true;
	if (must_wait(s)) {
		s->trailing = h2->head;
		h2->head = NULL;
		return;
	}
	went(s, exchange_on_response_trailers(s->up.side.exchange, &h2->head->h2.head), 0);
}

void
upstream_stream_body(struct upstream_stream *s, struct span *body, bool end)
{
	/* nghttp2 has yet to compare lengths: a wrong one is no end. */
	end = end && (!s->has_length || s->body_left == body->len);
	s->body_left -= body->len < s->body_left ? body->len : s->body_left;
	s->ended = end;
	if (must_wait(s))
		fifo_append(&s->in, upstream_stream_loop(s)->small, body->at, body->len);
	else if (body->len > 0 || end)
		hand_over(s, body, end);
}

void
upstream_stream_go_on(void *arg)
{
	struct upstream_stream *s = arg;
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	if (s->unsuited) {
		if (s->up.side.exchange != NULL)
			exchange_on_upstream_lost(
			    s->up.side.exchange, &s->up.side, FAULT_NO_WEBSOCKET);
		return;
	}
	while (!s->paused && s->up.side.exchange != NULL && s->in.len > 0) {
		struct span body = loop_span(upstream_stream_loop(s));
		bool last;

		body.len = fifo_read(&s->in, upstream_stream_loop(s)->small, body.at, LOOP_CHUNK);
		body.tail_room -= body.len;
		last = s->ended && s->in.len == 0 && s->trailing == NULL;
		hand_over(s, &body, last);
		if (last)
			break;
	}
	if (!s->paused && s->up.side.exchange != NULL && s->ended && !s->end_told &&
	    s->in.len == 0) {
		struct upstream_head *head = s->trailing;
		struct span none = nothing(s);

		s->trailing = NULL;
		if (head == NULL) {
			hand_over(s, &none, true);
		} else {
			(void)exchange_on_response_trailers(s->up.side.exchange, &head->h2.head);
			slab_give(upstream_stream_loop(s)->large, head);
		}
	}
	upstream_h2_wake(h2); /* windows may have grown */
}
