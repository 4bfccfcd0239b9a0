/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"
#include "proxy/connection.h"
#include "proxy/pool_parts.h"
#include "proxy/worker.h"

static bool
is_unseen(const struct connection *c)
{
	uint64_t turn = c->worker->loop->turn;

	return c->returned_turn == turn && c->quiet_turn != turn;
}

/* Those that were given back last come first. */
static size_t
collect_unseen(struct pool_slot *slot, struct connection *found[STREAM_LOOK_MAX])
{
	size_t count = 0;

	list_for (node, &slot->ready) {
		struct connection *c = container_of(node, struct connection, node);

		if (count == STREAM_LOOK_MAX || c->returned_turn != c->worker->loop->turn)
			break;
		if (is_unseen(c))
			found[count++] = c;
	}
	return count;
}

static void
look(struct pool_slot *slot)
{
	struct connection *found[STREAM_LOOK_MAX];
	const struct stream *streams[STREAM_LOOK_MAX] = { NULL };
	bool quiet[STREAM_LOOK_MAX];
	size_t count = collect_unseen(slot, found);

	for (size_t i = 0; i < count; i++)
		streams[i] = &found[i]->stream;
	stream_look(streams, count, quiet);
	for (size_t i = 0; i < count; i++)
		if (quiet[i])
			found[i]->quiet_turn = found[i]->worker->loop->turn;
}

/* Where many answers share one connection, each says whose it is. */
bool
pool_seen_quiet(const struct connection *c)
{
	if (!is_unseen(c) || c->ops->verify != NULL)
		return true;
	look(c->slot);
	return !is_unseen(c);
}

/* One that was just opened may have tickets to read; nothing else is known. */
bool
pool_is_quiet(const struct connection *c)
{
	return !c->used || c->leased > 0 || stream_is_quiet(&c->stream);
}
