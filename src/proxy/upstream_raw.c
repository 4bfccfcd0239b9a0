// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream_raw.h"

#include <string.h>
#include <sys/socket.h>

#include "base/slab.h"
#include "base/stat.h"
#include "proxy/pool.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"

static struct upstream_raw *
from_connection(struct connection *c)
{
	return container_of(c, struct upstream_raw, connection);
}

static void
on_received(struct raw *r, uint64_t count)
{
	struct upstream_raw *u = container_of(r, struct upstream_raw, raw);

	stat_add(&u->connection.slot->shard->bytes_in, count);
}

/* It ends with its tunnel, by FIN or, once it was cut, by RST. */
static void
on_released(struct raw *r, enum fault why)
{
	struct upstream_raw *u = container_of(r, struct upstream_raw, raw);

	if (why == FAULT_NONE)
		stream_shutdown(&u->connection.stream);
	u->connection.dirty = true;
	pool_return(&u->connection);
}

static const struct raw_owner owner = { .released = on_released, .received = on_received };

static struct connection *
raw_new(struct worker *w)
{
	struct upstream_raw *u = slab_take(w->raw_slab);

	memset(u, 0, sizeof *u);
	raw_open(&u->raw, &owner, w, &u->connection.stream, false);
	u->raw.up.connection = &u->connection;
	return &u->connection;
}

static void
raw_free(struct connection *c)
{
	struct upstream_raw *u = from_connection(c);

	raw_close(&u->raw);
	slab_give(c->worker->raw_slab, u);
}

static void
raw_opened(struct connection *c)
{
	connection_opened(c, FAULT_NONE);
}

/* Who speaks first may have said all there was to say, and that is somebody's to hear. */
static bool
has_spoken(const struct stream *s)
{
	char byte;

	return s->unread != NULL || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static bool
raw_is_clean(struct connection *c)
{
	return !c->dirty && (!c->stream.peer_closed || has_spoken(&c->stream));
}

static void
raw_on_events(struct connection *c, unsigned events)
{
	struct upstream_raw *u = from_connection(c);

	if (u->raw.up.side.exchange != NULL)
		raw_on_stream(&u->raw, events);
	else if ((events & STREAM_FAILED) || !raw_is_clean(c))
		pool_discard(c);
}

static struct upstream *
raw_lease(struct connection *c)
{
	return &from_connection(c)->raw.up;
}

static bool
raw_has_room(struct connection *c)
{
	return c->leased == 0;
}

static bool
raw_is_written(struct upstream *up)
{
	return stream_is_drained(&up->connection->stream);
}

const struct connection_ops connection_raw = {
	.new = raw_new,
	.free = raw_free,
	.opened = raw_opened,
	.on_stream = raw_on_events,
	.lease = raw_lease,
	.is_clean = raw_is_clean,
	.has_room = raw_has_room,
	.is_written = raw_is_written,
};
