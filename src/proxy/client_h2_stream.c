// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "http/forward.h"
#include "proxy/client_h2_parts.h"
#include "proxy/report.h"

/* What may still come of a request that has its answer: one window, in this time. */
enum { END_MS = 1000 };

/* ---- a stream ---- */

struct h2_stream *
h2_stream_new(struct client_h2 *c, int32_t id)
{
	struct h2_stream *s = slab_take(c->conn.worker->h2->streams);

	memset(s, 0, sizeof *s);
	s->side.ops = &client_h2_side_ops;
	s->c = c;
	s->id = id;
	s->first_byte_us = clock_now_us();
	list_append(&c->streams, &s->node);
	c->stream_count++;
	return s;
}

static void
drop_parked(struct h2_stream *s)
{
	struct loop *loop = client_h2_loop(s->c);

	slab_give(s->parked_large ? loop->large : loop->small, s->parked);
	s->parked = NULL;
}

void
h2_stream_drop_request(struct h2_stream *s)
{
	struct loop *loop = client_h2_loop(s->c);

	timer_stop(&s->body);
	list_unlink(&s->news);
	drop_parked(s);
	fifo_drop(&s->in, loop->small);
	slab_give(loop->large, s->trailers);
	s->trailers = NULL;
	s->paused = false;
}

void
h2_stream_free(struct h2_stream *s)
{
	struct slab *large = client_h2_loop(s->c)->large;

	assert(s->side.exchange == NULL);
	h2_stream_drop_request(s);
	timer_stop(&s->stall);
	list_unlink(&s->blocked);
	list_unlink(&s->node);
	h2_stall_drop(s);
	slab_give(large, s->out_trailers);
	slab_give(s->c->conn.worker->h2->streams, s);
}

void
h2_stream_bury(struct h2_stream *s)
{
	struct client_h2 *c = s->c;

	c->finishing -= s->finishing;
	s->finishing = false;
	c->stream_count--;
	list_unlink(&s->node);
	list_append(&c->dead, &s->node);
	client_h2_flush_soon(c);
}

/* Both ends of a tunnel may be in frames before the endpoint has taken the last bytes. */
void
h2_stream_on_closed(struct h2_stream *s)
{
	if (s->closed)
		return;
	s->closed = true;
	s->finishing = s->tunnel && s->side.exchange != NULL && s->in_ended && s->out_ended &&
	    s->out.len == 0 && !s->reset &&
	    s->c->finishing < s->c->conn.worker->limits.h2_max_streams;
	s->c->finishing += s->finishing;
	if (!s->finishing)
		h2_stream_bury(s);
}

void
h2_stream_lose(struct h2_stream *s, enum fault why)
{
	if (s->side.exchange != NULL)
		exchange_on_client_lost(s->side.exchange, why);
}

void
h2_stream_reset(struct h2_stream *s, uint32_t error)
{
	if (s->closed || s->reset)
		return;
	s->reset = true;
	if (nghttp2_submit_rst_stream(s->c->session, NGHTTP2_FLAG_NONE, s->id, error) != 0)
		client_h2_terminate(s->c, NGHTTP2_INTERNAL_ERROR, "no memory to reset a stream");
	client_h2_flush_soon(s->c);
}

static void
on_no_end(void *arg)
{
	h2_stream_reset(arg, NGHTTP2_NO_ERROR);
}

/*
 * An answer that is complete before its request leaves the rest unread (RFC 9113 section 8.1). To
 * say so at once would meet clients in the middle of a small body, and some take it for an error.
 */
void
h2_stream_await_end(struct h2_stream *s)
{
	timer_start(client_h2_loop(s->c)->timers, &s->stall, END_MS, on_no_end, s);
}

void
h2_stream_refuse(struct h2_stream *s, enum fault why, const struct head *head)
{
	struct worker *w = s->c->conn.worker;
	enum fault said = why != FAULT_NONE ? why : FAULT_BAD_REQUEST;
	char id[WORKER_REQUEST_ID];
	struct own_answer a = {
		.status = fault_status(said),
		.text = slice_of(fault_text(said)),
		.request_id = { id, sizeof id },
		.date = worker_date(w),
	};

	worker_request_id(w, id);
	report_refused(w, &s->c->conn.facts, said, a.request_id, s->first_byte_us, head);
	if (why != FAULT_NONE) {
		h2_answer_own(s, w->head, forward_write_own(&a, w->head, WORKER_HEAD));
		return;
	}
	nghttp2_submit_rst_stream(s->c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR);
}

/* ---- its request comes ---- */

static void
note_news(struct h2_stream *s)
{
	if (!list_linked(&s->news))
		list_append(&s->c->news, &s->news);
}

void
h2_stream_go_on(struct h2_stream *s)
{
	if (list_linked(&s->news) || s->in_told || (s->in.len == 0 && !s->in_ended))
		return;
	note_news(s);
	worker_defer(s->c->conn.worker, &s->c->conn.go_on);
}

static void
park(struct h2_stream *s, const struct head *head)
{
	struct loop *loop = client_h2_loop(s->c);
	size_t fields = offsetof(struct head, fields) + head->field_count * sizeof head->fields[0];

	s->parked_large = sizeof *s->parked + head->len > slab_block_size(loop->small);
	s->parked = slab_take(s->parked_large ? loop->large : loop->small);
	memcpy(&s->parked->head, head, fields);
	memcpy(s->parked->bytes, head->base, head->len);
	s->parked->head.base = s->parked->bytes;
	note_news(s);
}

/* Of one connection, in one turn of the loop: the others' turn comes too. */
static bool
may_start(const struct client_h2 *c)
{
	return c->started < c->conn.worker->limits.h2_requests_per_turn;
}

static void
start(struct h2_stream *s, const struct head *head, struct span *first, bool end)
{
	struct client_h2 *c = s->c;
	enum side_go go;

	c->started++;
	s->in_told = end && !s->connect; /* of a tunnel that may come there is another to tell */
	go = exchange_start(
	    c->conn.worker, &s->side, &c->conn.facts, head, s->first_byte_us, first, end);
	if (go == SIDE_OVER)
		return;
	s->paused = go == SIDE_PAUSED;
}

static void
count_request(struct client_h2 *c)
{
	c->requests++;
	if (c->requests == c->conn.worker->limits.h2_max_requests)
		client_h2_say_goodbye(c);
}

void
h2_stream_request(struct h2_stream *s, const struct h2_head *h)
{
	const struct head *head = &h->head;
	uint64_t limit = s->c->conn.worker->limits.max_body_bytes;
	struct span none = { s->c->conn.worker->h2->in, 0, 0, 0 };

	count_request(s->c);
	s->head_request = head->method == METHOD_HEAD;
	s->has_length = head->has_content_length;
	s->length = head->content_length;
	s->connect = head->upgrade;
	if (limit > 0 && head->content_length > limit)
		h2_stream_refuse(s, FAULT_BODY_TOO_LARGE, head);
	else if (s->in_ended && may_start(s->c))
		start(s, head, &none, true);
	else
		park(s, head); /* its first bytes may lie right behind */
}

void
h2_stream_on_data(struct h2_stream *s, const char *bytes, size_t len)
{
	uint64_t limit = s->c->conn.worker->limits.max_body_bytes;

	s->got += len;
	if (s->side.exchange == NULL && s->parked == NULL)
		return; /* nobody wants it, and its window opens no more */
	if (limit > 0 && s->got > limit && !s->connect) {
		s->lost = FAULT_BODY_TOO_LARGE;
		note_news(s);
		return;
	}
	body_rate_add(&s->rate, len, clock_now_ms());
	fifo_append(&s->in, client_h2_loop(s->c)->small, bytes, len); /* its window bounds it */
	note_news(s);
}

void
h2_stream_on_end(struct h2_stream *s)
{
	s->in_ended = true;
	timer_stop(&s->body);
	if (s->has_length && s->got != s->length)
		h2_stream_reset(
		    s, NGHTTP2_PROTOCOL_ERROR); /* nghttp2 looks too; this is our word */
	else if (s->side.exchange != NULL || s->parked != NULL)
		note_news(s);
}

/* ---- and is handed on ---- */

static void on_body_watch(void *arg);

static void
watch_body(struct h2_stream *s)
{
	uint64_t now_ms = clock_now_ms();

	body_rate_begin(&s->rate, now_ms);
	timer_start(client_h2_loop(s->c)->timers, &s->body,
	    body_rate_judge(&s->rate, &s->c->conn.worker->limits, now_ms), on_body_watch, s);
}

/*
 * While we are the ones who open no window, nothing is held against the client; nor the silence of
 * one that converses.
 */
static void
on_body_watch(void *arg)
{
	struct h2_stream *s = arg;
	uint32_t ms = body_rate_judge(&s->rate, &s->c->conn.worker->limits, clock_now_ms());

	if (s->paused || (s->side.exchange != NULL && call_is_conversation(s->side.exchange)))
		watch_body(s);
	else if (ms > 0)
		timer_start(client_h2_loop(s->c)->timers, &s->body, ms, on_body_watch, s);
	else
		h2_stream_lose(s, FAULT_REQUEST_TIMEOUT);
}

/* The next bytes of the body, in the loop's buffer with all its room; *end: they are the last. */
static struct span
take_body(struct h2_stream *s, bool *end)
{
	struct loop *loop = client_h2_loop(s->c);
	struct span body = loop_span(loop);

	body.len = fifo_read(&s->in, loop->small, body.at, LOOP_CHUNK);
	body.tail_room -= body.len;
	*end = s->in_ended && s->in.len == 0 && s->trailers == NULL;
	return body;
}

static void
return_window(struct h2_stream *s, size_t len)
{
	if (s->paused) {
		s->owed += (uint32_t)len;
		return;
	}
	if (!s->closed && len + s->owed > 0)
		nghttp2_session_consume_stream(s->c->session, s->id, len + s->owed);
	s->owed = 0;
	client_h2_flush_soon(s->c);
}

static void
start_parked(struct h2_stream *s)
{
	bool end = true;
	struct span body = { s->c->conn.worker->h2->in, 0, 0, 0 };
	size_t len;

	if (!s->connect)
		body = take_body(s, &end);
	len = body.len;
	start(s, &s->parked->head, &body, end);
	drop_parked(s);
	return_window(s, len);
	if (s->side.exchange != NULL && !s->in_ended && !s->connect)
		watch_body(s);
}

static enum side_go
hand_on(struct h2_stream *s)
{
	struct exchange *x = s->side.exchange;
	struct span body;
	size_t len;
	enum side_go go;

	if (s->in.len == 0 && s->trailers != NULL) {
		s->in_told = true;
		return exchange_on_request_trailers(x, &s->trailers->head.head);
	}
	body = take_body(s, &s->in_told);
	len = body.len;
	go = exchange_on_request_body(x, &body, s->in_told);
	if (go != SIDE_OVER) {
		s->paused = go == SIDE_PAUSED;
		return_window(s, len);
	}
	return go;
}

static bool
may_hand_on(const struct h2_stream *s)
{
	return s->side.exchange != NULL && !s->paused && !s->in_told &&
	    (s->in.len > 0 || s->in_ended) && s->connect == s->tunnel;
}

bool
h2_stream_settle(struct h2_stream *s)
{
	/* Gone before its turn came: it costs nobody anything. */
	if ((s->closed && !s->finishing) || s->reset)
		return true;
	if (s->lost != FAULT_NONE) {
		if (s->parked != NULL)
			h2_stream_refuse(s, s->lost, &s->parked->head);
		h2_stream_drop_request(s);
		h2_stream_lose(s, s->lost);
		return true;
	}
	if (s->parked != NULL) {
		if (!may_start(s->c))
			return false;
		start_parked(s);
	}
	while (may_hand_on(s))
		if (hand_on(s) == SIDE_OVER)
			break;
	return true;
}
