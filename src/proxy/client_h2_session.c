// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "proxy/client_h2_parts.h"

/* Decoded, of what a header section may be: an honest one ends not far beyond the limit. */
enum { BOMB = 4 };

static struct h2_stream *
stream_of(struct client_h2 *c, int32_t id)
{
	return nghttp2_session_get_stream_user_data(c->session, id);
}

static void
calm(struct client_h2 *c, bool bearable)
{
	if (!bearable)
		client_h2_terminate(c, NGHTTP2_ENHANCE_YOUR_CALM, c->abuse.why);
}

/* ---- header sections ---- */

static void
drop_building(struct client_h2 *c)
{
	slab_give(client_h2_loop(c)->large, c->building);
	c->building = NULL;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct client_h2 *c = arg;
	struct slab *large = client_h2_loop(c)->large;
	bool trailers = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
	struct h2_stream *s =
	    trailers ? stream_of(c, frame->hd.stream_id) : h2_stream_new(c, frame->hd.stream_id);

	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (!trailers) {
		nghttp2_session_set_stream_user_data(session, s->id, s);
		calm(c, h2_abuse_request(&c->abuse, clock_now_ms()));
	}
	if (c->building == NULL)
		c->building = slab_take(large);
	c->building->stream = s;
	h2_head_begin(&c->building->head, trailers ? H2_TRAILERS : H2_REQUEST,
	    &c->conn.worker->h1_limits, c->building->bytes,
	    slab_block_size(large) - sizeof *c->building);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct client_h2 *c = arg;
	struct h2_head *h = &c->building->head;

	h2_head_add(h, (struct slice){ (const char *)name, name_len },
	    (struct slice){ (const char *)value, value_len });
	if (h->charged <= (uint64_t)BOMB * h->limits->head_bytes)
		return 0;
	client_h2_terminate(c, NGHTTP2_ENHANCE_YOUR_CALM, "a header section without end");
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the rest of it is only skipped */
}

static int
on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* malformed; not left out */
}

static void
on_headers(struct client_h2 *c, const nghttp2_frame *frame)
{
	struct h2_building *b = c->building;
	struct h2_stream *s = b != NULL ? b->stream : NULL;
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	if (s == NULL || s->id != frame->hd.stream_id || c->read_over)
		return;
	switch (h2_head_end(&b->head, end, METHOD_OTHER)) {
	case H2_MALFORMED:
		h2_stream_refuse(s, FAULT_NONE, &b->head.head);
		break;
	case H2_REFUSED:
		s->in_ended |= end;
		h2_stream_refuse(s, b->head.fault, &b->head.head);
		break;
	case H2_GOOD:
		if (b->head.section == H2_REQUEST) {
			s->in_ended = end;
			h2_stream_request(s, &b->head);
			break;
		}
		if (s->connect) { /* RFC 9113 section 8.5: DATA and no other */
			nghttp2_submit_rst_stream(
			    c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR);
			break;
		}
		s->trailers = b; /* its block is the stream's now */
		c->building = NULL;
		h2_stream_on_end(s);
		return;
	}
	drop_building(c);
}

/* ---- other frames ---- */

/*
 * Stream ids only grow: to open one below another that was opened is an error of the connection
 * (RFC 9113 section 5.1.1), which nghttp2 lets pass since it cannot tell it from late trailers.
 */
static bool
opens_in_order(struct client_h2 *c, int32_t id)
{
	uint32_t nth = (uint32_t)id / 2;
	uint32_t by = nth > c->newest ? nth - c->newest : c->newest - nth;

	if (id % 2 == 0 || (nth <= c->newest && by >= 64))
		return true;
	if (nth > c->newest) {
		c->opened = by < 64 ? c->opened << by | 1 : 1;
		c->newest = nth;
	} else if (c->opened == 0) {
		c->opened = 1;
	}
	return (c->opened >> (c->newest - nth) & 1) != 0;
}

static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
	struct client_h2 *c = arg;

	if (hd->type == NGHTTP2_HEADERS && !opens_in_order(c, hd->stream_id))
		client_h2_terminate(c, NGHTTP2_PROTOCOL_ERROR, "a stream id below another");
	if (hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_RST_STREAM ||
	    (hd->type == NGHTTP2_DATA && hd->length > 0))
		return 0;
	calm(c, h2_abuse_noise(&c->abuse, clock_now_ms()));
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct client_h2 *c = arg;
	struct h2_stream *s;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		on_headers(c, frame);
		break;
	case NGHTTP2_DATA:
		s = stream_of(c, frame->hd.stream_id);
		if (s != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			h2_stream_on_end(s);
		break;
	case NGHTTP2_RST_STREAM:
		s = stream_of(c, frame->hd.stream_id);
		/* Whoever has its answer may well break off the rest of its request. */
		if (s != NULL && !s->out_done && !(s->in_ended && s->out_ended))
			calm(c, h2_abuse_reset(&c->abuse, clock_now_ms()));
		break;
	default:
		break;
	}
	return 0;
}

static int
on_data(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct client_h2 *c = arg;
	struct h2_stream *s = stream_of(c, id);

	/* What one stream holds back must not stop the others: its own window bounds it. */
	nghttp2_session_consume_connection(session, len);
	if (s != NULL)
		h2_stream_on_data(s, (const char *)data, len);
	else
		nghttp2_session_consume_stream(session, id, len);
	return 0;
}

/* What nghttp2 resets is the client's doing; too many streams may be one's who is yet to be told.
 */
static void
count_reset(struct client_h2 *c, const struct h2_stream *s, uint32_t error)
{
	if (s != NULL && s->reset)
		return;
	if (error == NGHTTP2_REFUSED_STREAM)
		calm(c, h2_abuse_reset(&c->abuse, clock_now_ms()));
	else
		calm(c, h2_abuse_error(&c->abuse, clock_now_ms()));
}

static int
on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct client_h2 *c = arg;
	struct h2_stream *s = stream_of(c, frame->hd.stream_id);
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
	    (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);

	h2_abuse_sent(&c->abuse);
	if (s != NULL && end)
		s->out_done = true;
	if (frame->hd.type == NGHTTP2_GOAWAY && c->parting &&
	    frame->goaway.last_stream_id != INT32_MAX) {
		c->parting = false;
		worker_defer(c->conn.worker, &c->conn.go_on);
	} else if (frame->hd.type == NGHTTP2_RST_STREAM)
		count_reset(c, s, frame->rst_stream.error_code);
	else if (s != NULL && end && !s->in_ended && !(s->tunnel && s->side.exchange != NULL))
		h2_stream_await_end(s);
	return 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct client_h2 *c = arg;
	struct h2_stream *s = stream_of(c, id);

	if (s == NULL)
		return 0;
	if (c->building != NULL && c->building->stream == s)
		drop_building(c);
	h2_stream_on_closed(s);
	client_h2_flush_soon(c);
	return 0;
}

nghttp2_session_callbacks *
client_h2_callbacks(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, h2_answer_send);
	return cb;
}
