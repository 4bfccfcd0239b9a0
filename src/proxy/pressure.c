// SPDX-License-Identifier: Apache-2.0
#include "proxy/pressure.h"

#include "base/cache.h"
#include "base/slab.h"
#include "proxy/acceptor.h"
#include "proxy/client.h"
#include "proxy/pool.h"
#include "proxy/worker_state.h"

/* Blocks nobody uses. The loop's are among them: bytes that waited for sockets. */
static void
trim(struct worker *w)
{
	struct slab *slabs[] = { w->loop->small, w->loop->large, w->client_slab, w->exchange_slab,
		w->upstream_slab, w->upstream_h2_slab, w->stream_slab, w->raw_slab };

	for (unsigned i = 0; i < ARRAY_SIZE(slabs); i++)
		slab_trim(slabs[i]);
	cache_trim(w->h2_memory);
}

void
pressure_relieve(struct worker *w)
{
	if (w->pressure < PRESSURE_SHRINK)
		return;
	pool_close_all_idle(w->pool);
	trim(w);
}

void
pressure_feel(struct worker *w, enum pressure now)
{
	enum pressure before = w->pressure;

	w->pressure = now;
	acceptor_look(w->acceptor);
	if (now < PRESSURE_SHRINK || before >= PRESSURE_SHRINK)
		return;
	/* Who rests between two requests goes; who has one under way goes with its answer. */
	list_for_safe (node, &w->clients)
		client_drain(container_of(node, struct client, node));
	pressure_relieve(w);
}
