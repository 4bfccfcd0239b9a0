// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/upstream_h2.h"
#include "steer/endpoint.h"

enum {
	CONNECTION_WINDOW = 16 * 1024 * 1024, /* streams bound what waits, not their sum */
	/* Header bytes that are decoded, and thrown away, before the connection is given up. */
	HEADER_EXCESS = 4,
	CONTINUATIONS = 8,
	ACKS_MAX = 1000,
	SETTINGS_MAX = 32,
	IDLE_FRAMES_MAX = 1000,
	IDLE_BYTES_MAX = 256 * 1024,
	IDLE_FRAMES_PER_MS = 1, /* leak away: a call that lasts may see PINGs for days */
	IDLE_BYTES_PER_MS = IDLE_BYTES_MAX / IDLE_FRAMES_MAX,
	FRAME_HEAD = 9,
	MEMORY_MAX = 4 * 1024 * 1024, /* nghttp2's: streams, and heads that wait */
	MEMORY_STREAM = 64 * 1024,    /* and for each stream, the largest head */
};

static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

static struct upstream_stream *
stream_of(struct upstream_h2 *h2, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h2->session, id);
}

/* The stream if its exchange is still there. */
static struct upstream_stream *
live_stream(struct upstream_h2 *h2, int32_t id)
{
	struct upstream_stream *s = stream_of(h2, id);

	return s != NULL && s->up.side.exchange != NULL && !s->bad ? s : NULL;
}

void
upstream_h2_drop_head(struct upstream_h2 *h2)
{
	if (h2->head == NULL)
		return;
	slab_give(h2->connection.worker->loop->large, h2->head);
	h2->head = NULL;
}

/* ---- what comes ---- */

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct upstream_h2 *h2 = arg;
	struct worker *w = h2->connection.worker;
	struct upstream_stream *s;

	upstream_h2_let_head_go(h2);
	s = live_stream(h2, frame->hd.stream_id);
	h2->heading = s;
	if (s == NULL || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	upstream_h2_drop_head(h2);
	h2->head = slab_take(w->loop->large);
	h2_head_begin(&h2->head->h2, s->answered ? H2_TRAILERS : H2_RESPONSE, &w->h1_limits,
	    h2->head->text, slab_block_size(w->loop->large) - sizeof *h2->head);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct upstream_h2 *h2 = arg;

	if (h2->heading == NULL)
		return 0;
	(void)h2_head_add(&h2->head->h2, (struct slice){ (const char *)name, name_len },
	    (struct slice){ (const char *)value, value_len });
	/* Decoding goes on for the table that both sides share, but not for ever. */
	if (h2->head->h2.charged >
	    (uint64_t)HEADER_EXCESS * h2->connection.worker->h1_limits.head_bytes)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

/* nghttp2 would pass over it; an answer that two readers may read differently is none. */
static int
on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	struct upstream_h2 *h2 = arg;

	if (h2->heading != NULL)
		h2->heading->bad = true;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The same of whole frames, and of lengths that are not as announced: nghttp2 resets the stream. */
static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
	struct upstream_stream *s = stream_of(arg, frame->hd.stream_id);

	if (s != NULL)
		s->bad = true;
	return 0;
}

static void
take_head(struct upstream_h2 *h2, bool end)
{
	struct upstream_stream *s = h2->heading;

	h2->heading = NULL;
	if (s == NULL)
		return;
	if (h2_head_end(&h2->head->h2, end, s->method) != H2_GOOD || (s->answered && !end) ||
	    s->tunnel) /* RFC 9113 section 8.5: DATA and no other */
		upstream_stream_spoilt(s);
	else if (s->answered)
		upstream_stream_trailers(s);
	else
		upstream_stream_answer(s, end);
	if (h2->withheld == NULL)
		upstream_h2_drop_head(h2);
}

static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
	struct upstream_h2 *h2 = arg;

	h2->frame_left = hd->type == NGHTTP2_DATA ? (uint32_t)hd->length : 0;
	if (hd->type == NGHTTP2_HEADERS || (hd->type == NGHTTP2_DATA && hd->length > 0)) {
		h2->idle_frames = h2->idle_bytes = 0;
		h2->connection.asked = false;
	} else if (++h2->idle_frames > IDLE_FRAMES_MAX) {
		return NGHTTP2_ERR_CALLBACK_FAILURE; /* it only keeps us busy */
	}
	return 0;
}

static int
on_data(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct upstream_h2 *h2 = arg;
	struct worker *w = h2->connection.worker;
	struct upstream_stream *s = live_stream(h2, id);
	struct span body = { .len = len };
	bool end;

	nghttp2_session_consume_connection(session, len);
	h2->frame_left -= len < h2->frame_left ? (uint32_t)len : h2->frame_left;
	if (h2->withheld != s)
		upstream_h2_let_head_go(h2);
	s = live_stream(h2, id);
	if (s == NULL)
		return 0;
	body.head_room = (size_t)((const char *)data - w->frames);
	body.at = w->frames + body.head_room;
	body.tail_room = body.at + len == h2->read_end ? LOOP_TAIL_ROOM : 0;
	/* With padding behind it, the frame's end is told by on_frame(). */
	end = (flags & NGHTTP2_FLAG_END_STREAM) != 0 && h2->frame_left == 0;
	upstream_stream_body(s, &body, end);
	return 0;
}

static void
take_settings(struct upstream_h2 *h2)
{
	uint32_t theirs = nghttp2_session_get_remote_settings(
	    h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	struct pool_slot *slot = h2->connection.slot;

	h2->most_open = theirs < h2->granted ? theirs : h2->granted;
	slot->places = h2->most_open > 0 ? h2->most_open : 1;
	if (!h2->settled)
		h2->settled = h2->proven = true;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct upstream_h2 *h2 = arg;
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct upstream_stream *s;
	struct span none = { .at = h2->connection.worker->frames };

	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		s = live_stream(h2, frame->hd.stream_id);
		if (s != NULL && end && !s->ended)
			upstream_stream_body(s, &none, true);
		break;
	case NGHTTP2_HEADERS:
		take_head(h2, end);
		break;
	case NGHTTP2_SETTINGS:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
			take_settings(h2);
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
			h2->proven = true;
		break;
	case NGHTTP2_GOAWAY:
		h2->goaway = true;
		break;
	default:
		break;
	}
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *arg)
{
	struct upstream_h2 *h2 = arg;
	struct upstream_stream *s = stream_of(h2, id);

	if (s != NULL)
		upstream_stream_closed(s, error_code);
	return 0;
}

static uint32_t
less(uint32_t count, uint64_t leaked)
{
	return leaked < count ? count - (uint32_t)leaked : 0;
}

static void
leak(struct upstream_h2 *h2)
{
	uint64_t now_ms = clock_now_ms(), past_ms = now_ms - h2->idle_ms;

	h2->idle_ms = now_ms;
	h2->idle_frames = less(h2->idle_frames, past_ms * IDLE_FRAMES_PER_MS);
	h2->idle_bytes = less(h2->idle_bytes, past_ms * IDLE_BYTES_PER_MS);
}

bool
upstream_h2_feed(struct upstream_h2 *h2, const char *bytes, size_t len)
{
	ssize_t n;

	leak(h2);
	h2->idle_bytes += (uint32_t)len;
	if (h2->idle_bytes > IDLE_BYTES_MAX)
		return false;
	h2->read_end = bytes + len;
	n = nghttp2_session_mem_recv(h2->session, (const uint8_t *)bytes, len);
	upstream_h2_let_head_go(h2);
	return n == (ssize_t)len;
}

/* ---- what goes ---- */

static void
put_out(struct upstream_h2 *h2)
{
	if (h2->gathered == 0)
		return;
	stream_write(&h2->connection.stream, h2->gather, h2->gathered);
	h2->connection.wrote_us = clock_now_us();
	h2->gathered = 0;
}

static void
gather(struct upstream_h2 *h2, const void *bytes, size_t len)
{
	assert(len <= LOOP_CHUNK);
	if (len > LOOP_CHUNK - h2->gathered)
		put_out(h2);
	memcpy(h2->gather + h2->gathered, bytes, len);
	h2->gathered += len;
}

/* A DATA frame's payload, straight from where it waits. */
static int
send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_head, size_t len,
    nghttp2_data_source *source, void *arg)
{
	struct upstream_h2 *h2 = arg;
	struct upstream_stream *s = source->ptr;
	struct slab *blocks = h2->connection.worker->loop->small;

	assert(frame->data.padlen == 0);
	/*
	 * Its exchange went while this frame waited for the socket, and its bytes with it: nghttp2
	 * drops the frame and resets the stream.
	 */
	if (s->out.len < len)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (FRAME_HEAD + len > LOOP_CHUNK - h2->gathered)
		put_out(h2);
	if (!stream_is_drained(&h2->connection.stream))
		return NGHTTP2_ERR_WOULDBLOCK; /* asked again by the next flush */
	gather(h2, frame_head, FRAME_HEAD);
	while (len > 0) {
		struct slice front = fifo_front(&s->out);
		size_t n = front.len < len ? front.len : len;

		gather(h2, front.at, n);
		fifo_take(&s->out, blocks, n);
		len -= n;
	}
	h2->idle_frames = h2->idle_bytes = 0; /* what it credits us with for these is no noise */
	if (s->full && upstream_stream_is_low(s))
		h2->any_low = true;
	return 0;
}

static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct upstream_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = stream_of(arg, frame->hd.stream_id);
	if (s != NULL && frame->hd.type == NGHTTP2_HEADERS)
		s->on_wire = true;
	else if (s != NULL && s->leaving && !s->ended &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
	return 0;
}

void
upstream_h2_flush(struct upstream_h2 *h2)
{
	const uint8_t *bytes;
	ssize_t len;

	/*
	 * Not into the loop's buffer: a stream that ends meanwhile may have its request sent
	 * elsewhere at once, by way of that one.
	 */
	h2->gather = h2->connection.worker->frames;
	h2->gathered = 0;
	while (stream_is_drained(&h2->connection.stream)) {
		len = nghttp2_session_mem_send(h2->session, &bytes);
		if (len < 0)
			h2->failed = FAULT_INTERNAL;
		if (len <= 0)
			break;
		gather(h2, bytes, (size_t)len);
	}
	put_out(h2);
}

/* ---- the session ---- */

static void
make_options(void)
{
	if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
	nghttp2_option_set_no_auto_window_update(options, 1);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_option_set_max_continuations(options, CONTINUATIONS);
	nghttp2_option_set_max_outbound_ack(options, ACKS_MAX);
	nghttp2_option_set_max_settings(options, SETTINGS_MAX);
}

void
upstream_h2_begin(struct upstream_h2 *h2)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UPSTREAM_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		    h2->connection.worker->h1_limits.head_bytes },
	};

	pthread_once(&once, make_options);
	h2->granted = h2->connection.slot->max_streams;
	h2_memory_begin(&h2->memory, h2->connection.worker->h2_memory,
	    MEMORY_MAX + (size_t)h2->granted * MEMORY_STREAM);
	if (nghttp2_session_client_new3(&h2->session, callbacks, h2, options, &h2->memory.mem) != 0)
		abort(); /* its bound leaves room for this */
	nghttp2_submit_settings(
	    h2->session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof settings[0]);
	nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
}
