// SPDX-License-Identifier: Apache-2.0
#include "proxy/raw.h"

#include <assert.h>

#include "net/socket.h"
#include "net/splice.h"
#include "net/stream.h"
#include "proxy/exchange.h"
#include "proxy/tunnel.h"

enum { READS_PER_TURN = 4 };

static const struct side_ops raw_ops;

static struct raw *
from_side(struct side *side)
{
	return container_of(side, struct raw, up.side);
}

/* ---- what comes in ---- */

/* False: stop, and do not touch it: it may be gone. */
static bool
deliver(struct raw *r, struct span *bytes, bool end)
{
	enum side_go go;

	r->owner->received(r, bytes->len);
	go = r->is_client ? exchange_on_request_body(r->up.side.exchange, bytes, end)
			  : exchange_on_response_body(r->up.side.exchange, bytes, end);
	if (go == SIDE_OVER)
		return false;
	r->paused = r->paused || go == SIDE_PAUSED;
	return true;
}

static void
lost(struct raw *r, enum fault why)
{
	if (r->is_client)
		exchange_on_client_lost(r->up.side.exchange, FAULT_CLIENT_LEFT);
	else
		exchange_on_upstream_lost(r->up.side.exchange, &r->up.side, why);
}

/* TLS that ends without its goodbye is an end like any other: what it carries has ends of its own. */
static bool
on_end(struct raw *r, ssize_t end)
{
	struct span none = { loop_span(r->worker->loop).at, 0, 0, 0 };

	if (end == STREAM_ERROR) {
		lost(r, stream_fault(r->stream));
		return false;
	}
	r->ended = true;
	return deliver(r, &none, true);
}

static bool
may_read(const struct raw *r)
{
	return !r->paused && !r->ended &&
	    (stream_may_read(r->stream) || stream_may_have_ended(r->stream));
}

/* ---- without a copy ---- */

/* To whom it may splice now, or NULL. */
static struct stream *
splice_target(const struct raw *r)
{
	struct side *other;
	struct stream *to;

	if (!r->streams)
		return NULL;
	other = tunnel_other(r->up.side.exchange, &r->up.side);
	to = other->ops == &raw_ops ? from_side(other)->stream : NULL;
	return to != NULL && splice_may(r->stream, to) ? to : NULL;
}

/* What the pipe holds, as far as it goes; what it does not take waits in r->pipe. */
static bool
empty_pipe(struct raw *r, uint64_t bytes, struct stream *to)
{
	bool emptied = splice_out(r->pipe, to);

	tunnel_on_moved(r->up.side.exchange, r->is_client, bytes, emptied);
	r->paused = !emptied;
	if (emptied) {
		splice_give(r->worker->pipes, r->pipe);
		r->pipe = NULL;
	}
	return emptied;
}

/* As stream_read(), but the bytes are with the other side already, or in r->pipe. */
static ssize_t
move(struct raw *r, struct stream *to)
{
	ssize_t n;

	r->pipe = splice_take(r->worker->pipes);
	if (r->pipe == NULL) { /* no descriptors: it goes on by copies */
		r->streams = false;
		return STREAM_WAIT;
	}
	n = splice_in(r->pipe, r->stream);
	if (n > 0) {
		r->owner->received(r, (uint64_t)n);
		empty_pipe(r, (uint64_t)n, to);
		return n;
	}
	splice_give(r->worker->pipes, r->pipe);
	r->pipe = NULL;
	return n;
}

/* Small bytes are cheaper copied than led through a pipe: it pays where much comes at once. */
static void
learn(struct raw *r, ssize_t n)
{
	if (n > 0) {
		r->since_wait += (uint64_t)n;
		r->streams = r->streams || n == LOOP_CHUNK;
		return;
	}
	r->streams = r->streams && r->since_wait >= LOOP_CHUNK;
	r->since_wait = 0;
}

/* ---- what comes in, again ---- */

static ssize_t
read_once(struct raw *r, struct span *in)
{
	struct stream *to = splice_target(r);
	ssize_t n;

	in->len = 0;
	if (to != NULL) {
		n = move(r, to);
		if (r->streams || n != STREAM_WAIT) {
			learn(r, n);
			return n;
		}
	}
	n = stream_read(r->stream, in->at, LOOP_CHUNK);
	learn(r, n);
	if (n > 0) {
		in->len = (size_t)n;
		in->tail_room -= in->len;
	}
	return n;
}

static bool
read_some(struct raw *r)
{
	if (r->pipe != NULL &&
	    !empty_pipe(r, 0, from_side(tunnel_other(r->up.side.exchange, &r->up.side))->stream))
		return true;
	for (int reads = 0; may_read(r); reads++) {
		struct span in = loop_span(r->worker->loop);
		ssize_t n;

		if (reads == READS_PER_TURN) {
			worker_defer(r->worker, &r->read_on);
			return true;
		}
		n = read_once(r, &in);
		if (n == STREAM_WAIT)
			return true;
		if (n <= 0)
			return on_end(r, n);
		if (in.len > 0 && !deliver(r, &in, false))
			return false;
	}
	return true;
}

static void
read_on(void *arg)
{
	struct raw *r = arg;

	if (r->up.side.exchange != NULL && !r->paused)
		(void)read_some(r);
}

/* A write that failed ends the tunnel, but not before what the peer said has been read. */
void
raw_on_stream(struct raw *r, unsigned events)
{
	struct exchange *x = r->up.side.exchange;

	if (events & STREAM_DRAINED) {
		if (r->is_client)
			exchange_on_client_drained(x);
		else
			exchange_on_upstream_drained(x, &r->up.side);
	}
	if (!r->paused && (events & (STREAM_READABLE | STREAM_FAILED)) && !read_some(r))
		return;
	if (events & STREAM_FAILED)
		lost(r, stream_fault(r->stream));
}

/* ---- what the exchange asks of it ---- */

static bool
send_body(struct side *side, struct span *body, bool end)
{
	struct raw *r = from_side(side);

	if (!end)
		return stream_write(r->stream, body->at, body->len);
	stream_write_last(r->stream, body->at, body->len);
	stream_shutdown(r->stream);
	return stream_is_drained(r->stream);
}

static void
resume(struct side *side)
{
	struct raw *r = from_side(side);

	r->paused = false;
	worker_defer(r->worker, &r->read_on);
}

static void
release(struct side *side, enum fault why)
{
	struct raw *r = from_side(side);

	r->up.side.exchange = NULL;
	/* Who was cut off shall see that it was. */
	if (why != FAULT_NONE && stream_is_open(r->stream))
		socket_reset_at_close(r->stream->fd);
	r->owner->released(r, why);
}

static const struct side_ops raw_ops = {
	.send_body = send_body,
	.resume = resume,
	.release = release,
};

void
raw_open(struct raw *r, const struct raw_owner *owner, struct worker *w, struct stream *s,
    bool is_client)
{
	r->up.side.ops = &raw_ops;
	r->owner = owner;
	r->worker = w;
	r->stream = s;
	r->is_client = is_client;
	r->paused = true;
	r->read_on.fn = read_on;
	r->read_on.arg = r;
}

void
raw_pause(struct side *side)
{
	struct raw *r = from_side(side);

	r->paused = true;
	worker_undefer(&r->read_on);
}

void
raw_close(struct raw *r)
{
	assert(r->up.side.exchange == NULL);
	worker_undefer(&r->read_on);
	if (r->pipe != NULL)
		splice_give(r->worker->pipes, r->pipe);
	r->pipe = NULL;
}
