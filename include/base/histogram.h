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

enum {
	HISTOGRAM_STEP_BITS = 3,
	HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS,
	HISTOGRAM_BUCKETS = 256,
};

struct histogram {
	_Atomic uint32_t count[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum_us;
};

/*
 * A merged copy for reading; plain numbers. Latencies of one kind fill a tenth of the buckets: the
 * others are known to be empty, and nobody adds, compares or copies them.
 */
struct histogram_sum {
	uint64_t count[HISTOGRAM_BUCKETS];
	unsigned first, end; /* what counts anything lies in first..end - 1 */
	uint64_t total;
	uint64_t sum_us;
};

/*
 * Values below STEPS have a bucket each; above, each doubling is cut into STEPS equal parts.
 * The last bucket also holds everything that is larger.
 */
static inline unsigned
histogram_bucket(uint64_t us)
{
	unsigned top = 63 ^ (unsigned)__builtin_clzll(us | HISTOGRAM_STEPS);
	unsigned shift = top - HISTOGRAM_STEP_BITS;
	unsigned at = shift * HISTOGRAM_STEPS + (unsigned)(us >> shift);

	return at < HISTOGRAM_BUCKETS ? at : HISTOGRAM_BUCKETS - 1;
}

/* The writer only. Load and store apart, not one locked instruction: nobody else writes. */
static inline void
histogram_add(struct histogram *h, uint64_t us)
{
	_Atomic uint32_t *count = &h->count[histogram_bucket(us)];

	atomic_store_explicit(
	    count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_store_explicit(&h->sum_us,
	    atomic_load_explicit(&h->sum_us, memory_order_relaxed) + us, memory_order_relaxed);
}

void histogram_merge(struct histogram_sum *into, const struct histogram *from);
/* into += more. */
void histogram_sum_add(struct histogram_sum *into, const struct histogram_sum *more);
/* into = from. */
void histogram_sum_copy(struct histogram_sum *into, const struct histogram_sum *from);
/* into -= old, for a window between two readings (counts wrap like uint32_t). */
void histogram_subtract(struct histogram_sum *into, const struct histogram_sum *old);
/* into += those samples of from that are below a bound, up to the bucket it falls into; no sum_us.
 */
void histogram_add_below(struct histogram_sum *into, const struct histogram_sum *from, uint64_t us);
/* Upper bound of the bucket that holds quantile q (0..1), in us; 0 when empty. */
uint64_t histogram_quantile(const struct histogram_sum *, double q);
/* Samples at or below us (exact at bucket borders), for Prometheus buckets. */
uint64_t histogram_count_below(const struct histogram_sum *, uint64_t us);

#endif
