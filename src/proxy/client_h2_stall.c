// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "base/slab.h"
#include "net/socket.h"
#include "proxy/client_h2_parts.h"
#include "proxy/stalled.h"

/*
 * Streams of one connection of which a large block may lie here, so that a window that opens, or a
 * socket, finds bytes in plenty. Of the others there is a small one.
 */
enum {
	LARGE_SHUT = 2,
	LARGE_OPEN = 16, /* with those that wait for the connection, their own window being open */
};

/* ---- what is kept ---- */

static bool
is_large(const struct h2_stream *s)
{
	return s->out.block != NULL && s->out.from != client_h2_loop(s->c)->small;
}

bool
h2_stall_keep(struct h2_stream *s, const char *bytes, size_t len)
{
	struct loop *loop = client_h2_loop(s->c);
	bool fits = s->out.len + len <= slab_block_size(loop->small);
	bool large = is_large(s), kept;

	kept = backlog_add(&s->out, fits && !large ? loop->small : loop->large, bytes, len);
	s->c->large += is_large(s) - large;
	return kept;
}

void
h2_stall_took(struct h2_stream *s, size_t n)
{
	bool large = is_large(s);

	backlog_take(&s->out, n);
	s->c->large -= large && s->out.block == NULL;
}

void
h2_stall_drop(struct h2_stream *s)
{
	s->c->large -= is_large(s);
	backlog_drop(&s->out);
}

size_t
h2_stall_room(struct side *side)
{
	const struct h2_stream *s = container_of(side, struct h2_stream, side);
	struct client_h2 *c = s->c;
	int32_t least = (int32_t)slab_block_size(client_h2_loop(c)->small);
	int32_t window, whole;

	if (c->large < LARGE_SHUT)
		return LOOP_CHUNK;
	window = nghttp2_session_get_stream_remote_window_size(c->session, s->id);
	whole = nghttp2_session_get_remote_window_size(c->session);
	if (c->large >= LARGE_OPEN && !stream_is_drained(&c->conn.stream))
		whole = 0;
	if (c->large >= LARGE_OPEN && whole < window)
		window = whole;
	if (window > LOOP_CHUNK)
		window = LOOP_CHUNK;
	return (size_t)(window > least ? window : least); /* -1: no such stream any more */
}

/* ---- a client that takes nothing ---- */

static void look(void *arg);

/* Grows as the client takes bytes of it; while they wait for the socket, of all its streams. */
static uint64_t
taken(const struct h2_stream *s)
{
	const struct stream *stream = &s->c->conn.stream;
	struct socket_path path;

	if (stream_is_drained(stream) || !socket_path(stream->fd, &path))
		return s->sent;
	return s->sent + path.acknowledged_bytes;
}

/* It was given ms. Of a rate of nothing a byte is enough. */
static bool
is_enough(const struct h2_stream *s, uint64_t bytes, uint64_t ms)
{
	return bytes > 0 && bytes >= s->c->conn.worker->limits.min_rate_bytes * ms / 1000;
}

static void
look_soon(struct h2_stream *s, uint64_t left_ms)
{
	s->taken = taken(s);
	timer_start(client_h2_loop(s->c)->timers, &s->stall,
	    (uint32_t)(left_ms < STALLED_MS ? left_ms : STALLED_MS), look, s);
}

static void
begin(struct h2_stream *s)
{
	s->stall_sent = s->sent;
	s->stall_since_ms = clock_now_ms();
	look_soon(s, s->c->conn.worker->limits.send_stall_ms);
}

void
h2_stall_watch(struct h2_stream *s)
{
	if (s->out.len == 0)
		timer_stop(&s->stall);
	else if (!timer_running(&s->stall))
		begin(s);
}

static void
look(void *arg)
{
	struct h2_stream *s = arg;
	struct exchange *x = s->side.exchange;
	uint64_t whole_ms = s->c->conn.worker->limits.send_stall_ms;
	uint64_t past_ms = clock_now_ms() - s->stall_since_ms;

	if (s->out.len == 0)
		return;
	if (past_ms >= whole_ms && !is_enough(s, s->sent - s->stall_sent, whole_ms)) {
		h2_stream_reset(s, NGHTTP2_CANCEL);
		h2_stream_lose(s, FAULT_CLIENT_STALLED);
		return;
	}
	if (x != NULL && is_enough(s, taken(s) - s->taken, STALLED_MS))
		stalled_forget(x);
	else if (x != NULL)
		stalled_note(x);
	if (past_ms >= whole_ms)
		begin(s);
	else
		look_soon(s, whole_ms - past_ms);
}
