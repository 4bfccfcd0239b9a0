/*
 * What the workers counted, summed over them and told as differences: of an endpoint, of a region
 * of a service, of a service. Control thread only.
 */
#ifndef CONTROL_METER_H
#define CONTROL_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "steer/evidence.h"
#include "steer/steer.h"

struct endpoint;
struct service_steering;
struct steering;

/* Zero-initialised: what was counted before the first reading is part of that reading. */
struct endpoint_meter {
	uint64_t tries, answered, not_sent, broken, timeouts, aged, errors, cut;
	uint64_t told_not_sent, told_broken; /* since then, ahead of the next reading */
};

/* Takes the counts as they are now, so that the next reading begins here. */
void endpoint_meter_begin(struct endpoint_meter *, const struct endpoint *);
/* A reading of this endpoint will follow: its memory may be fetched; first this one, then that. */
void endpoint_meter_fetch(const struct endpoint *);
void endpoint_meter_fetch_shards(const struct endpoint *);
/* What was counted since the last reading; false: nothing. */
bool endpoint_meter_read(struct endpoint_meter *, const struct endpoint *, struct evidence *);
/*
 * A worker has met so many failures like this one since it last told of any, which may be hours
 * ago: how many of them has nobody read or been told of yet? From now on none. now: as it was begun
 * just now.
 */
uint32_t endpoint_meter_news(
    struct endpoint_meter *, const struct endpoint_meter *now, enum fault, uint32_t count);

/*
 * So far, of the requests for a service: all, those shed, of them those for want of memory, those
 * no region was up for, and how often one waited for a region's rate.
 */
uint64_t service_meter_requests(const struct service_steering *);
uint64_t service_meter_shed(const struct service_steering *);
uint64_t service_meter_shed_for_memory(const struct service_steering *);
uint64_t service_meter_refused(const struct service_steering *);
uint64_t service_meter_paced(const struct service_steering *);
/* Of those shed, the ones that asked this region: it met its rate, or its cap in flight. */
uint64_t region_meter_shed_by_rate(const struct steering *);
uint64_t region_meter_shed_in_flight(const struct steering *);

struct region_meter {
	uint64_t completions;
	uint64_t completions_then;   /* at the last full second */
	struct histogram_sum then;   /* first-byte latencies, likewise */
	struct histogram_sum second; /* what region_meter_second() gave last */
};

/* All so far. */
uint64_t region_meter_answered(const struct steering *);

/* Answers and failures since the last reading. */
uint32_t region_meter_completions(struct region_meter *, const struct steering *);
uint32_t region_meter_in_flight(const struct steering *);
/* Latencies since the last call, to be asked after the completions. Valid until the next call. */
const struct histogram_sum *region_meter_second(struct region_meter *, const struct steering *);

enum { RATE_SLOTS = 10 }; /* readings that make a window: one second of ticks */

struct rate_slot {
	uint64_t requests;
	uint64_t at_us;
};

struct rate_meter {
	struct rate_slot slots[RATE_SLOTS]; /* a ring */
	unsigned count, newest;
};

/* There were so many requests so far: per second, over the readings of about the last one. */
double rate_meter_read(struct rate_meter *, uint64_t requests, uint64_t now_us);
/* Of them, those between the last two readings. */
uint32_t rate_meter_news(const struct rate_meter *);

#endif
