// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/slab.h"
#include "http/forward.h"
#include "proxy/client_h2_parts.h"

static struct h2_stream *
from_side(struct side *side)
{
	return container_of(side, struct h2_stream, side);
}

/* ---- bytes for nghttp2 ---- */

static size_t
available(const struct h2_stream *s)
{
	return s->out.len + (s->now != NULL ? s->now->len : 0);
}

/* What is in the stream's trailer section, once its last byte is in a frame. */
static void
submit_trailers(struct h2_stream *s)
{
	struct h2_fields *f = &s->c->conn.worker->h2->fields;

	if (!h2_fields_trailers(f, s->out_trailers, s->out_trailers_len) || f->count == 0 ||
	    nghttp2_submit_trailer(s->c->session, s->id, f->nv, f->count) != 0)
		h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
}

static ssize_t
read_answer(nghttp2_session *session, int32_t id, uint8_t *buf, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct h2_stream *s = source->ptr;
	size_t n = available(s);

	if (n == 0 && !s->out_ended) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n > size)
		n = size;
	else if (s->out_ended)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if ((*flags & NGHTTP2_DATA_FLAG_EOF) != 0 && s->out_trailers != NULL) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(s);
	}
	if (n > 0)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	return (ssize_t)n;
}

int
h2_answer_send(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t len,
    nghttp2_data_source *source, void *arg)
{
	struct h2_stream *s = source->ptr;
	struct client_h2 *c = s->c;

	if (client_h2_room(c) < len + 9)
		return NGHTTP2_ERR_WOULDBLOCK;
	client_h2_put(c, head, 9);
	s->sent += len;
	if (s->out.len > 0) {
		size_t n = s->out.len < len ? s->out.len : len;

		client_h2_put(c, s->out.block + s->out.at, n);
		h2_stall_took(s, n);
		len -= n;
	}
	if (len > 0) {
		client_h2_put(c, s->now->at, len);
		s->now->at += len;
		s->now->len -= len;
	}
	return 0;
}

/* ---- what the exchange asks of it ---- */

/* Lets frames take what they may of body; keeps the rest. False: something waits. */
static bool
move(struct h2_stream *s, struct span *body)
{
	struct client_h2 *c = s->c;

	s->now = body;
	if (s->deferred) {
		s->deferred = false;
		nghttp2_session_resume_data(c->session, s->id);
	}
	client_h2_gather(c);
	s->now = NULL;
	if (body != NULL && body->len > 0 && !h2_stall_keep(s, body->at, body->len))
		h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR); /* its exchange ignored back-pressure */
	if (s->out.len == 0)
		return true;
	/* How long a tunnel may rest is for its own limit to say. */
	if (!s->tunnel || s->side.exchange == NULL)
		h2_stall_watch(s);
	if (!list_linked(&s->blocked))
		list_append(&c->blocked, &s->blocked);
	client_h2_flush_soon(c);
	return false;
}

/* lines become the head of the answer, body the beginning of its content. */
static bool
submit(struct h2_stream *s, char *lines, size_t len, struct span *body, bool end)
{
	struct h2_fields *f = &s->c->conn.worker->h2->fields;
	nghttp2_data_provider content = { { .ptr = s }, read_answer };
	bool empty = end && (body == NULL || body->len == 0);

	s->out_ended = end;
	if (!h2_fields_response(f, lines, len) ||
	    nghttp2_submit_response(
		s->c->session, s->id, f->nv, f->count, empty ? NULL : &content) != 0)
		h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
	return move(s, body);
}

static bool
send_interim(struct h2_stream *s, char *lines, size_t len)
{
	struct h2_fields *f = &s->c->conn.worker->h2->fields;

	if (!h2_fields_response(f, lines, len) ||
	    nghttp2_submit_headers(
		s->c->session, NGHTTP2_FLAG_NONE, s->id, NULL, f->nv, f->count, NULL) < 0)
		h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
	client_h2_flush_soon(s->c);
	return true;
}

/* By HTTP/2 a tunnel begins with a 200 (RFC 8441 section 5). */
static bool
begin_tunnel(struct h2_stream *s, const struct head *head, struct span *first)
{
	char *lines = s->c->conn.worker->head;
	struct forward_response out = { .status = 200 };
	size_t len = forward_write_response(head, &out, lines, WORKER_HEAD);

	assert(len > 0); /* as below */
	s->tunnel = true;
	h2_stream_go_on(s);
	return submit(s, lines, len, first, false);
}

static bool
send_head(struct side *side, const struct head *head, const struct forward_request *as,
    struct span *first, bool end)
{
	struct h2_stream *s = from_side(side);
	char *lines = s->c->conn.worker->head;
	struct forward_response out = {
		.chunked = head->framing == FRAMING_CHUNKED || head->framing == FRAMING_CLOSE,
	};
	size_t len;

	if (s->closed || s->reset)
		return true;
	if (head->status == 101)
		return begin_tunnel(s, head, first);
	if (head->status >= 200)
		exchange_dress(side->exchange, head, &out);
	len = forward_write_response(head, &out, lines, WORKER_HEAD);
	assert(len > 0); /* the parser's limit on heads leaves room for what we add */
	if (head->status < 200)
		return send_interim(s, lines, len);
	return submit(s, lines, len, first, end);
}

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct h2_stream *s = from_side(side);

	if (s->closed || s->reset)
		return true;
	s->out_ended = end;
	return move(s, body);
}

static bool
send_trailers(struct side *side, const struct head *trailers)
{
	struct h2_stream *s = from_side(side);
	char *lines = s->c->conn.worker->head;
	size_t len;

	if (s->closed || s->reset)
		return true;
	s->out_ended = true;
	len = forward_write_trailers(trailers, lines, WORKER_HEAD);
	if (len > sizeof "\r\n" - 1) {
		s->out_trailers = slab_take(client_h2_loop(s->c)->large);
		s->out_trailers_len = (uint32_t)len;
		memcpy(s->out_trailers, lines, len);
	}
	return move(s, NULL);
}

static void
resume(struct side *side)
{
	struct h2_stream *s = from_side(side);

	s->paused = false;
	if (!s->closed && s->owed > 0)
		nghttp2_session_consume_stream(s->c->session, s->id, s->owed);
	s->owed = 0;
	client_h2_flush_soon(s->c);
	h2_stream_go_on(s);
}

static uint32_t
error_of(enum fault why)
{
	return fault_status(why) == 499 || fault_status(why) == 408 ? NGHTTP2_CANCEL
								    : NGHTTP2_INTERNAL_ERROR;
}

/* We end it: the client hears an end of our bytes, and has a while to end its own. */
static void
end_tunnel(struct h2_stream *s)
{
	if (!s->out_ended) {
		s->out_ended = true;
		move(s, NULL);
	} else if (!s->in_ended) {
		h2_stream_await_end(s);
	}
}

static void
release(struct side *side, enum fault why)
{
	struct h2_stream *s = from_side(side);

	s->side.exchange = NULL;
	h2_stream_drop_request(s);
	list_unlink(&s->blocked);
	/* A cut answer must not look whole; one that is whole may still be on its way out. */
	if (s->finishing)
		h2_stream_bury(s);
	else if (s->tunnel && why == FAULT_NONE && !s->closed)
		end_tunnel(s);
	else if (why != FAULT_NONE)
		h2_stream_reset(s, s->tunnel ? NGHTTP2_CANCEL : error_of(why));
}

void
h2_answer_own(struct h2_stream *s, char *lines, size_t len)
{
	char *border = memmem(lines, len, "\r\n\r\n", 4);
	struct span content;
	size_t head_len;

	assert(border != NULL);
	head_len = (size_t)(border + 4 - lines);
	content = (struct span){ lines + head_len, len - head_len, 0, 0 };
	submit(s, lines, head_len, &content, true);
}

static void
answer(struct side *side, struct own_answer *a)
{
	struct h2_stream *s = from_side(side);
	struct worker *w = s->c->conn.worker;
	const struct exchange *x = side->exchange;
	const struct field *accept = head_find(&x->head, FIELD_ACCEPT);

	if (s->closed || s->reset)
		return;
	a->request_id = (struct slice){ x->request_id, sizeof x->request_id };
	if (accept != NULL)
		a->accept = field_value(&x->head, accept);
	a->date = worker_date(w);
	a->head_only = s->head_request;
	h2_answer_own(s, w->head, forward_write_own(a, w->head, WORKER_HEAD));
}

static void
proceed(struct side *side)
{
	static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct h2_stream *s = from_side(side);
	char *lines = s->c->conn.worker->head;

	if (s->closed || s->reset)
		return;
	memcpy(lines, go, sizeof go);
	send_interim(s, lines, sizeof go - 1);
}

const struct side_ops client_h2_side_ops = {
	.send_head = send_head,
	.send_body = send_body,
	.room = h2_stall_room,
	.send_trailers = send_trailers,
	.resume = resume,
	.release = release,
	.answer = answer,
	.proceed = proceed,
};
