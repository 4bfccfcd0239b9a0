// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream_h2.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/loop.h"
#include "net/tls_client.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "steer/endpoint.h"

enum {
	READS_PER_TURN = 4, /* then others have their turn */
};

static void work(void *arg);
static void read_on(void *arg);

static struct connection *
h2_new(struct worker *w)
{
	struct upstream_h2 *h2 = slab_take(w->upstream_h2_slab);

	if (w->frames == NULL)
		w->frames = mem_raw(LOOP_HEAD_ROOM + LOOP_CHUNK + LOOP_TAIL_ROOM);
	memset(h2, 0, sizeof *h2);
	list_init(&h2->streams);
	list_init(&h2->dead);
	h2->work.fn = work;
	h2->work.arg = h2;
	h2->read_on.fn = read_on;
	h2->read_on.arg = h2;
	return &h2->connection;
}

static void
free_all(struct list *streams)
{
	while (!list_empty(streams))
		upstream_stream_free(container_of(streams->next, struct upstream_stream, node));
}

static void
h2_free(struct connection *c)
{
	struct upstream_h2 *h2 = upstream_h2_of(c);

	worker_undefer(&h2->work);
	worker_undefer(&h2->read_on);
	timer_stop(&h2->age);
	nghttp2_session_del(h2->session);
	free_all(&h2->streams);
	free_all(&h2->dead);
	upstream_h2_drop_head(h2);
	slab_give(c->worker->upstream_h2_slab, h2);
}

void
upstream_h2_wake(struct upstream_h2 *h2)
{
	worker_defer(h2->connection.worker, &h2->work);
}

/* Ids are used up one day, and balancing works by new connections: others come in its place. */
static bool
is_old(const struct upstream_h2 *h2)
{
	return h2->retired ||
	    nghttp2_session_get_next_stream_id(h2->session) / 2 >=
	    h2->connection.slot->max_requests;
}

static bool
h2_is_clean(struct connection *c)
{
	const struct upstream_h2 *h2 = upstream_h2_of(c);

	return !c->dirty && h2->failed == FAULT_NONE && !h2->goaway && !c->stream.peer_closed &&
	    stream_fault(&c->stream) == FAULT_NONE && !is_old(h2);
}

static bool
h2_has_room(struct connection *c)
{
	const struct upstream_h2 *h2 = upstream_h2_of(c);

	return h2->open < h2->most_open;
}

/*
 * Tidies up from the loop; may close the connection. Streams that have ended make room before their
 * leases are given back.
 */
static void
work(void *arg)
{
	struct upstream_h2 *h2 = arg;
	struct connection *c = &h2->connection;

	worker_undefer(&h2->work);
	if (h2->session != NULL && h2->failed == FAULT_NONE) {
		upstream_h2_flush(h2);
		/* It ended the session, or made us end it. */
		if (!nghttp2_session_want_read(h2->session) && stream_is_drained(&c->stream))
			h2->failed = h2->goaway ? FAULT_CLOSED : FAULT_BAD_RESPONSE;
	}
	free_all(&h2->dead);
	if (h2->failed != FAULT_NONE) {
		c->dirty = true;
		upstream_h2_fail_streams(h2);
	} else {
		upstream_h2_ask_for_more(h2);
	}
	free_all(&h2->dead);
	while (h2->to_return > 0) {
		bool last = c->leased == 1 && !c->opening;

		h2->to_return--;
		pool_return(c);
		if (last)
			return; /* it may be gone */
	}
	if (c->opening && (h2->failed != FAULT_NONE || h2->proven)) {
		enum fault why = h2->failed;

		if (why != FAULT_NONE && !h2->settled)
			why = why == FAULT_BAD_RESPONSE ? FAULT_WRONG_PROTOCOL : FAULT_CONNECT_RESET;
		h2->proven = false;
		connection_opened(c, why);
		return;
	}
	if (!c->opening && c->leased == 0 && !h2_is_clean(c))
		pool_discard(c);
	else
		pool_look(c);
}

static void read_frames(struct upstream_h2 *);

/* With its last stream it ends; without any, now. */
static void
on_age(void *arg)
{
	struct upstream_h2 *h2 = arg;

	h2->retired = true;
	upstream_h2_wake(h2);
}

static void
h2_opened(struct connection *c)
{
	struct upstream_h2 *h2 = upstream_h2_of(c);

	if (c->stream.ssl != NULL && !tls_client_agreed_to_h2(c->stream.ssl)) {
		connection_opened(c, FAULT_WRONG_PROTOCOL);
		return;
	}
	upstream_h2_begin(h2);
	if (c->slot->max_age_ms > 0)
		timer_start(c->worker->loop->timers, &h2->age,
		    worker_spread_ms(c->worker, c->slot->max_age_ms), on_age, h2);
	read_frames(h2); /* they may have come with the handshake */
	work(h2);
}

/* What came before the end is read first, so that an answer beats a failed write. */
static void
read_frames(struct upstream_h2 *h2)
{
	struct connection *c = &h2->connection;
	char *in = c->worker->frames + LOOP_HEAD_ROOM;

	for (int reads = 0; h2->failed == FAULT_NONE; reads++) {
		ssize_t n;

		if (reads == READS_PER_TURN) {
			worker_defer(c->worker, &h2->read_on);
			return;
		}
		n = stream_read(&c->stream, in, LOOP_CHUNK);
		if (n == STREAM_WAIT) {
			h2->failed = stream_fault(&c->stream);
			return;
		}
		if (n <= 0) {
			h2->failed = n == STREAM_ERROR ? stream_fault(&c->stream) : FAULT_CLOSED;
			return;
		}
		stat_add(&c->slot->shard->bytes_in, (unsigned long long)n);
		c->alive_ms = clock_now_ms();
		if (!upstream_h2_feed(h2, in, (size_t)n))
			h2->failed = FAULT_BAD_RESPONSE;
	}
}

static void
read_on(void *arg)
{
	struct upstream_h2 *h2 = arg;

	read_frames(h2);
	work(h2);
}

static void
h2_on_stream(struct connection *c, unsigned events)
{
	struct upstream_h2 *h2 = upstream_h2_of(c);

	if (events & (STREAM_READABLE | STREAM_FAILED))
		read_frames(h2);
	work(h2);
}

static struct upstream *
h2_lease(struct connection *c)
{
	return &upstream_stream_new(upstream_h2_of(c))->up;
}

static bool
h2_is_written(struct upstream *up)
{
	const struct upstream_stream *s = container_of(up, struct upstream_stream, up);

	return s->on_wire && s->out.len == 0 && stream_is_drained(&up->connection->stream);
}

/* Is anybody there? Whatever the answer brings, it comes to work(). */
static void
h2_verify(struct connection *c)
{
	struct upstream_h2 *h2 = upstream_h2_of(c);

	h2->proven = false;
	nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
	upstream_h2_wake(h2);
}

/*
 * GOAWAY, by hand: this may happen while frames of another connection are read, where nghttp2's are
 * gathered. What is written is always whole frames. The endpoint has opened no streams.
 */
static void
h2_goodbye(struct connection *c)
{
	static const char goaway[] = "\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

	if (upstream_h2_of(c)->failed == FAULT_NONE && stream_is_drained(&c->stream))
		stream_write(&c->stream, goaway, sizeof goaway - 1);
}

const struct connection_ops connection_h2 = {
	.may_refuse = true,
	.new = h2_new,
	.free = h2_free,
	.opened = h2_opened,
	.on_stream = h2_on_stream,
	.lease = h2_lease,
	.is_clean = h2_is_clean,
	.has_room = h2_has_room,
	.is_written = h2_is_written,
	.verify = h2_verify,
	.goodbye = h2_goodbye,
};
