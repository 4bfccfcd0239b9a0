/*
 * What one worker counts for a whole service, and for a region of it: the control tick reads these
 * few instead of a histogram of every endpoint. They hang off the lasting steering objects
 * (steer/steering.h), on cache lines of their own.
 *
 * That worker writes, control and main read relaxed.
 */
#ifndef STEER_REGION_SHARD_H
#define STEER_REGION_SHARD_H

#include <stdatomic.h>

#include "base/histogram.h"
#include "base/stat.h"

struct region_shard {
	_Alignas(64) atomic_ullong tries; /* begun; a second try beside the first is one too */
	atomic_ullong completions; /* tries ended by an answer's head or by a failure of the far side */
	atomic_ullong answered; /* of those, the ones with an answer; of tunnels once they are proven */
	atomic_uint in_flight; /* tries begun, neither completed nor given up */
	/* requests refused in the end that asked here too, by what they met: its rate, its cap in flight */
	atomic_ullong shed_by_rate, shed_in_flight;
	struct histogram first_byte; /* request sent to answer's head, us */
};

struct service_shard {
	_Alignas(64) atomic_ullong requests; /* wanted: routed here, those shed later too; the demand */
	atomic_ullong shed; /* refused: no region has room, or as below */
	atomic_ullong shed_for_memory; /* of them: of low priority, while memory is short */
	atomic_ullong refused; /* no region is left that could answer */
	atomic_ullong paced; /* waits for a region's rate */
};

/* A try begins: whatever ends it must be one of the next three, once. */
static inline void
region_shard_begin(struct region_shard *s)
{
	stat_add(&s->tries, 1);
	stat_step(&s->in_flight, 1);
}

/* Its answer is there; region_shard_answered() counts it as one, now or once it is sure. */
static inline void
region_shard_reached(struct region_shard *s, uint64_t first_byte_us)
{
	stat_add(&s->completions, 1);
	stat_step(&s->in_flight, -1);
	histogram_add(&s->first_byte, first_byte_us);
}

static inline void
region_shard_answered(struct region_shard *s)
{
	stat_add(&s->answered, 1);
}

/* It failed by the endpoint or the way to it: that is a sign of life or its verdict, and counts. */
static inline void
region_shard_failed(struct region_shard *s)
{
	stat_add(&s->completions, 1);
	stat_step(&s->in_flight, -1);
}

/* The client left, another try was quicker, we are stopping: says nothing about the region. */
static inline void
region_shard_gave_up(struct region_shard *s)
{
	stat_step(&s->in_flight, -1);
}

#endif
