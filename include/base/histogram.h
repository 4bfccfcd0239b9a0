/*
 * Log-linear latency histograms: 8 steps per doubling from 1 us to over an hour, so any
 * quantile is within 12.5 % of the truth; 1 KiB each, mergeable by addition.
 *
 * Single writer (relaxed adds without lock prefix), any reader; a reader may see a sample late
 * but never torn.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_STEPS = 8, HISTOGRAM_BUCKETS = 256 };

struct histogram {
	_Atomic uint32_t count[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum_us;
};

/* A merged copy for reading; plain numbers. */
struct histogram_sum {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t sum_us;
};

void histogram_add(struct histogram *, uint64_t us); /* the writer only */
void histogram_merge(struct histogram_sum *into, const struct histogram *from);
/* into -= old, for a window between two readings (counts wrap like uint32_t). */
void histogram_subtract(struct histogram_sum *into, const struct histogram_sum *old);
/* into += those samples of from that are below a bound, up to the bucket it falls into; no sum_us. */
void histogram_add_below(struct histogram_sum *into, const struct histogram_sum *from, uint64_t us);
/* Upper bound of the bucket that holds quantile q (0..1), in us; 0 when empty. */
uint64_t histogram_quantile(const struct histogram_sum *, double q);
/* Samples at or below us (exact at bucket borders), for Prometheus buckets. */
uint64_t histogram_count_below(const struct histogram_sum *, uint64_t us);

#endif
