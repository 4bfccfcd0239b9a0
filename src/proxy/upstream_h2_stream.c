// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/slab.h"
#include "http/forward.h"
#include "http/grpc.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/upstream_h2.h"
#include "steer/endpoint.h"

enum {
	MAX_INTERIMS = 16, /* 1xx answers before the one */
	TAIL = 16,         /* for what an HTTP/1 client's chunk ends with */
};

static const struct side_ops stream_ops;

static struct upstream_stream *
from_side(struct side *side)
{
	return container_of(side, struct upstream_stream, up.side);
}

static struct loop *
loop_of(const struct upstream_stream *s)
{
	return s->up.connection->worker->loop;
}

/* ---- its life ---- */

static void go_on(void *arg);

struct upstream_stream *
upstream_stream_new(struct upstream_h2 *h2)
{
	struct upstream_stream *s = slab_take(h2->connection.worker->stream_slab);

	memset(s, 0, sizeof *s);
	s->up.side.ops = &stream_ops;
	s->up.connection = &h2->connection;
	s->go_on.fn = go_on;
	s->go_on.arg = s;
	list_append(&h2->streams, &s->node);
	h2->open++;
	return s;
}

static void
drop_kept(struct upstream_stream *s)
{
	struct loop *l = loop_of(s);

	fifo_drop(&s->out, l->small);
	fifo_drop(&s->in, l->small);
	if (s->trailers != NULL)
		slab_give(l->large, s->trailers);
	s->trailers = NULL;
	if (s->trailing != NULL)
		slab_give(l->large, s->trailing);
	s->trailing = NULL;
}

void
upstream_stream_free(struct upstream_stream *s)
{
	assert(s->up.side.exchange == NULL);
	worker_undefer(&s->go_on);
	drop_kept(s);
	list_unlink(&s->node);
	slab_give(s->up.connection->worker->stream_slab, s);
}

/* Neither the exchange nor nghttp2 knows it any more; who is on the stack may. */
static void
bury(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	list_unlink(&s->node);
	list_append(&h2->dead, &s->node);
	upstream_h2_wake(h2);
}

static void
forget_head(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	if (h2->withheld == s) {
		h2->withheld = NULL;
		upstream_h2_drop_head(h2);
	}
	if (h2->heading == s)
		h2->heading = NULL;
}

/* What an end of the connection, or of the stream, means for the request on it. */
static enum fault
end_fault(const struct upstream_stream *s, enum fault why)
{
	const struct upstream_h2 *h2 = upstream_stream_h2(s);

	if (s->answered && h2->withheld != s)
		return FAULT_CUT_RESPONSE;
	if (s->bad)
		return FAULT_BAD_RESPONSE;
	return s->on_wire ? why : FAULT_GOAWAY;
}

static void
lose(struct upstream_stream *s, enum fault why)
{
	enum fault fault = end_fault(s, why);

	forget_head(s);
	exchange_on_upstream_lost(s->up.side.exchange, &s->up.side, fault);
}

void
upstream_stream_closed(struct upstream_stream *s, uint32_t error_code)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	enum fault why = FAULT_STREAM_RESET;

	s->closed = true;
	h2->open--;
	if (error_code == NGHTTP2_REFUSED_STREAM)
		why = h2->goaway ? FAULT_GOAWAY : FAULT_REFUSED_STREAM;
	if (s->up.side.exchange != NULL && !s->ended)
		lose(s, why); /* release() buries it */
	else if (s->up.side.exchange == NULL)
		bury(s);
}

void
upstream_h2_fail_streams(struct upstream_h2 *h2)
{
	bool found;

	do {
		found = false;
		list_for (node, &h2->streams) {
			struct upstream_stream *s =
			    container_of(node, struct upstream_stream, node);

			/* What has come to its end is still to be handed on. */
			if (s->up.side.exchange == NULL || s->ended || s->id == 0)
				continue;
			found = true;
			lose(s, h2->failed);
			break; /* the list may be another now */
		}
	} while (found);
}

void
upstream_stream_spoilt(struct upstream_stream *s)
{
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	s->bad = true;
	if (!s->closed)
		nghttp2_submit_rst_stream(
		    h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR);
	if (s->up.side.exchange != NULL)
		lose(s, FAULT_BAD_RESPONSE);
	upstream_h2_wake(h2);
}

/* ---- the answer ---- */

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

/* The endpoint may send as much again. */
static void
credit(struct upstream_stream *s, uint64_t bytes)
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
		credit(s, len);
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
	struct loop *l = loop_of(s);

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
		fifo_append(&s->in, loop_of(s)->small, body->at, body->len);
	else if (body->len > 0 || end)
		hand_over(s, body, end);
}

/* From the loop: what was kept while the exchange wanted no more. */
static void
go_on(void *arg)
{
	struct upstream_stream *s = arg;
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	while (!s->paused && s->up.side.exchange != NULL && s->in.len > 0) {
		struct span body = loop_span(loop_of(s));
		bool last;

		body.len = fifo_read(&s->in, loop_of(s)->small, body.at, LOOP_CHUNK);
		body.tail_room -= body.len;
		last = s->ended && s->in.len == 0 && s->trailing == NULL;
		hand_over(s, &body, last);
		if (last)
			break;
	}
	if (!s->paused && s->up.side.exchange != NULL && s->ended && s->in.len == 0) {
		struct upstream_head *head = s->trailing;
		struct span none = nothing(s);

		s->trailing = NULL;
		if (head == NULL) {
			hand_over(s, &none, true);
		} else {
			(void)exchange_on_response_trailers(s->up.side.exchange, &head->h2.head);
			slab_give(loop_of(s)->large, head);
		}
	}
	upstream_h2_wake(h2); /* windows may have grown */
}

/* ---- what the exchange asks of it ---- */

static ssize_t
read_out(nghttp2_session *session, int32_t id, uint8_t *buf, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct upstream_stream *s = source->ptr;
	size_t len = s->out.len < size ? s->out.len : size;
	struct h2_fields fields;

	if (s->up.side.exchange == NULL || (len == 0 && !s->out_ended))
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (len < s->out.len || !s->out_ended)
		return (ssize_t)len;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	s->out_done = true;
	if (s->trailers != NULL && h2_fields_trailers(&fields, s->trailers, s->trailers_len) &&
	    fields.count > 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, id, fields.nv, fields.count);
	}
	return (ssize_t)len;
}

static bool
has_room(struct upstream_stream *s)
{
	s->full = s->out.len > UPSTREAM_OUT_LOW;
	return !s->full;
}

static void
keep_out(struct upstream_stream *s, const struct span *body, bool end)
{
	if (body != NULL && body->len > 0)
		fifo_append(&s->out, loop_of(s)->small, body->at, body->len);
	s->out_ended = s->out_ended || end;
}

/* The end of a gRPC call stands on a DATA frame, an empty one if need be; servers rely on it. */
static bool
ends_with_data(const struct head *head)
{
	return head->method == METHOD_POST && grpc_is(head);
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct upstream_stream *s = from_side(side);
	struct upstream_h2 *h2 = upstream_stream_h2(s);
	struct worker *w = h2->connection.worker;
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_out };
	size_t len = forward_write_request(head, as, w->head, WORKER_HEAD);
	struct h2_fields fields;

	assert(len > 0); /* the exchange refuses heads that could outgrow the buffer */
	if (!h2_fields_request(&fields, w->head, len,
		h2->connection.slot->endpoint->tls ? SLICE("https") : SLICE("http")))
		assert(false); /* what we add has its room */
	s->method = head->method;
	keep_out(s, first, end);
	s->out_done = end && s->out.len == 0 && !ends_with_data(head);
	s->id = nghttp2_submit_request(
	    h2->session, NULL, fields.nv, fields.count, s->out_done ? NULL : &body, s);
	assert(s->id > 0); /* is_clean() sees to the ids, memory is never short */
	h2->connection.used = true;
	upstream_h2_wake(h2);
	return has_room(s);
}

static void
send_on(struct upstream_stream *s)
{
	if (!s->closed)
		nghttp2_session_resume_data(upstream_stream_h2(s)->session, s->id);
	upstream_h2_wake(upstream_stream_h2(s));
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct upstream_stream *s = from_side(side);

	keep_out(s, body, end);
	send_on(s);
	return has_room(s);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct upstream_stream *s = from_side(side);
	struct slab *blocks = loop_of(s)->large;

	s->trailers = slab_take(blocks);
	s->trailers_len =
	    (uint32_t)forward_write_trailers(trailers, s->trailers, slab_block_size(blocks));
	if (s->trailers_len == 0)
		s->trailers_len =
		    (uint32_t)forward_write_trailers(NULL, s->trailers, slab_block_size(blocks));
	s->out_ended = true;
	send_on(s);
	return has_room(s);
}

static void
resume(struct side *side)
{
	struct upstream_stream *s = from_side(side);

	s->paused = false;
	credit(s, s->owed);
	s->owed = 0;
	worker_defer(s->up.connection->worker, &s->go_on);
}

static void
release(struct side *side, enum fault why)
{
	struct upstream_stream *s = from_side(side);
	struct upstream_h2 *h2 = upstream_stream_h2(s);

	s->up.side.exchange = NULL;
	forget_head(s);
	drop_kept(s);
	h2->to_return++;
	upstream_h2_wake(h2);
	if (s->id == 0) {
		s->closed = true;
		h2->open--;
	}
	if (s->closed)
		bury(s);
	else if (!s->ended || !s->out_done)
		nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
}

static const struct side_ops stream_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
};

void
upstream_h2_ask_for_more(struct upstream_h2 *h2)
{
	bool found;

	if (!h2->any_low)
		return;
	h2->any_low = false;
	do {
		found = false;
		list_for (node, &h2->streams) {
			struct upstream_stream *s =
			    container_of(node, struct upstream_stream, node);

			if (!s->full || s->out.len > UPSTREAM_OUT_LOW ||
			    s->up.side.exchange == NULL)
				continue;
			found = true;
			s->full = false;
			exchange_on_upstream_drained(s->up.side.exchange, &s->up.side);
			break; /* the list may be another now */
		}
	} while (found);
}
