/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/topology.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

const char *
conf_listener_scheme(const struct conf_listener *l)
{
	switch (l->protocol) {
	case PROTOCOL_HTTP:
		return l->tls != NULL ? "https" : "http";
	case PROTOCOL_TCP:
		return l->tls != NULL ? "tls" : "tcp";
	case PROTOCOL_TLS_PASSTHROUGH:
		return "passthrough";
	}
	abort();
}

void
topology_ref(struct topology *t)
{
	unsigned before = atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);

	assert(before > 0);
}

void
topology_unref(struct topology *t)
{
	unsigned before;

	if (t == NULL)
		return;
	/* Release our reads before the count falls, acquire the others' before the arena goes. */
	before = atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before > 1)
		return;
	arena_free(t->secrets);
	arena_free(t->arena);
}
