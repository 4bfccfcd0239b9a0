/*
 * Endpoints where nobody is, as this worker has just found out: one refused a connection and had
 * refused or lost the one before, or several requests in a row were lost there at different
 * moments, with no answer between them. For a moment they are picked only if nothing else is left.
 *
 * Where a process dies, control takes its endpoint out within milliseconds. Until then each of
 * the requests that it took along would ask all dead ports once more, one after the other, and
 * who is to be shed would be told so only after them.
 *
 * One refusal alone says little: behind one address many may serve, of whom one is gone. Each of
 * its refusals would send all that the others could answer elsewhere for a while.
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

/*
 * A try ended by this fault, which is its endpoint's or the way's to it. A refusal is enough as the
 * second loss in a row; of requests that were lost it takes lost_most, as many as it takes to eject
 * the endpoint.
 */
void shunned_note(struct worker *, struct endpoint_shard *, enum fault, uint32_t lost_most);
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
