/*
 * Endpoints where nobody is, as this worker has just found out: many connections in a row were
 * refused with none made between them, or requests lost or connections broken off while they were
 * made at different moments, and none was answered since. For a moment they are picked only if
 * nothing else is left.
 *
 * Where a process dies, control takes its endpoint out within milliseconds. Until then each of
 * the requests that it took along would ask all dead ports once more, one after the other, and
 * who is to be shed would be told so only after them.
 *
 * A few say little: behind one address many may serve, of whom one is gone. Its refusals would send
 * all that the others could answer elsewhere for a while, or have it shed.
 *
 * Worker thread only.
 */
#ifndef PROXY_SHUNNED_H
#define PROXY_SHUNNED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "proxy/worker_state.h"

struct endpoint;
struct endpoint_shard;

/* A try ended by this fault, its endpoint's or the way's to it. Returns whether it is shunned now. */
bool shunned_note(struct worker *, struct endpoint_shard *, enum fault);
/* Is any endpoint still shunned? */
bool shunned_last(struct worker *);
/* The same; all that a request pays while none is. */
static inline bool
shunned_any(struct worker *w)
{
	return w->shunned_until_ms != 0 && shunned_last(w);
}

/* Is this one? */
bool shunned_is(const struct worker *, const struct endpoint *);

#endif
