// SPDX-License-Identifier: Apache-2.0
#include "proxy/raw.h"

#include <assert.h>

#include "net/socket.h"
#include "net/stream.h"
#include "proxy/exchange.h"

enum { READS_PER_TURN = 4 };

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

static bool
read_some(struct raw *r)
{
	for (int reads = 0; may_read(r); reads++) {
		struct span in = loop_span(r->worker->loop);
		ssize_t n;

		if (reads == READS_PER_TURN) {
			worker_defer(r->worker, &r->read_on);
			return true;
		}
		n = stream_read(r->stream, in.at, LOOP_CHUNK);
		if (n == STREAM_WAIT)
			return true;
		if (n <= 0)
			return on_end(r, n);
		in.len = (size_t)n;
		in.tail_room -= in.len;
		if (!deliver(r, &in, false))
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
raw_close(struct raw *r)
{
	assert(r->up.side.exchange == NULL);
	worker_undefer(&r->read_on);
}
