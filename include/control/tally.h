/*
 * Main's running account of what the workers did: per endpoint, and per region of a service.
 *
 * Endpoints come and go with DNS and reloads, and their counters with them; a region's account
 * only ever grows, as what reads counters (Prometheus) expects. Main thread only.
 */
#ifndef CONTROL_TALLY_H
#define CONTROL_TALLY_H

#include <stdint.h>

#include "base/fault.h"
#include "base/histogram.h"

struct endpoint;
struct table;
struct table_region;
struct tally;
struct view_worker;

struct tally_counts {
	uint64_t tries;
	uint64_t answered;
	uint64_t connects;
	uint64_t reused;
	uint64_t status_class[6]; /* [1..5] */
	uint64_t faults[FAULT_COUNT];
	uint64_t bytes_in; /* from the endpoints */
	uint64_t bytes_out;
	struct histogram_sum first_byte;
};

/* Now, not ever. */
struct tally_open {
	uint32_t connections; /* idle ones too */
	uint32_t idle;
	uint32_t active; /* tries in flight */
};

/* The last 5 to 10 seconds. */
struct tally_window {
	double tries_per_s;
	double errors_per_s;
	struct histogram_sum first_byte;
};

enum { TALLY_WINDOW_MS = 5000 };

/* now_ms: traffic is counted from here on, whenever it is first observed. */
struct tally *tally_new(uint64_t now_ms);
void tally_free(struct tally *);

/*
 * Takes in what was counted since the last call. To be called before reading, and at least every
 * TALLY_WINDOW_MS so that windows stay short and little of a leaving endpoint is missed.
 */
void tally_observe(struct tally *, const struct table *, uint64_t now_ms);

/*
 * The same of how long whole requests took, by all workers: their counts are 32 bits wide, and wrap
 * within weeks where much goes on.
 */
void tally_observe_requests(struct tally *, const struct view_worker *, unsigned count);
const struct histogram_sum *tally_requests(const struct tally *);

/* NULL: nothing was ever sent there. Valid until the next tally_observe(). */
const struct tally_counts *tally_endpoint(const struct tally *, const struct endpoint *);
const struct tally_counts *tally_region(const struct tally *, const struct table_region *);

/* Add to *into, so that windows of regions make the window of a service. */
void tally_add_endpoint_window(
    const struct tally *, const struct endpoint *, uint64_t now_ms, struct tally_window *into);
void tally_add_region_window(
    const struct tally *, const struct table_region *, uint64_t now_ms, struct tally_window *into);

/* Adds what is open to the endpoint now. */
void tally_add_open(const struct endpoint *, struct tally_open *into);

/* Tries the endpoint or the way to it failed: 5xx, and faults that were not the client's. */
uint64_t tally_errors(const struct tally_counts *);

#endif
