/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

/*
 * Values below STEPS have a bucket each; above, each doubling is cut into STEPS equal parts.
 * The last bucket also holds everything that is larger.
 */
enum { STEP_BITS = 3 };

_Static_assert(1 << STEP_BITS == HISTOGRAM_STEPS, "the steps are found by shifting");

static unsigned
bucket_of(uint64_t us)
{
	unsigned top, at;

	if (us < HISTOGRAM_STEPS)
		return (unsigned)us;
	top = 63 - (unsigned)__builtin_clzll(us);
	at = (top - STEP_BITS + 1) * HISTOGRAM_STEPS +
	    (unsigned)(us >> (top - STEP_BITS) & (HISTOGRAM_STEPS - 1));
	return at < HISTOGRAM_BUCKETS ? at : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that belongs there. */
static uint64_t
bucket_end(unsigned at)
{
	unsigned shift;

	if (at < HISTOGRAM_STEPS)
		return at;
	shift = at / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(HISTOGRAM_STEPS + at % HISTOGRAM_STEPS + 1) << shift) - 1;
}

/* Load and store apart, not one locked instruction: nobody else writes. */
void
histogram_add(struct histogram *h, uint64_t us)
{
	_Atomic uint32_t *count = &h->count[bucket_of(us)];

	atomic_store_explicit(
	    count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_store_explicit(&h->sum_us,
	    atomic_load_explicit(&h->sum_us, memory_order_relaxed) + us, memory_order_relaxed);
}

void
histogram_merge(struct histogram_sum *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint32_t n = atomic_load_explicit(&from->count[i], memory_order_relaxed);

		into->count[i] += n;
		into->total += n;
	}
	into->sum_us += atomic_load_explicit(&from->sum_us, memory_order_relaxed);
}

void
histogram_subtract(struct histogram_sum *into, const struct histogram_sum *old)
{
	into->total = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		into->count[i] = (uint32_t)(into->count[i] - old->count[i]);
		into->total += into->count[i];
	}
	into->sum_us -= old->sum_us;
}

void
histogram_add_below(struct histogram_sum *into, const struct histogram_sum *from, uint64_t us)
{
	unsigned end = bucket_of(us);

	for (unsigned i = 0; i < end; i++) {
		into->count[i] += from->count[i];
		into->total += from->count[i];
	}
}

uint64_t
histogram_quantile(const struct histogram_sum *h, double q)
{
	uint64_t seen = 0;
	double rank = q * (double)h->total;

	if (h->total == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->count[i];
		if (seen > 0 && (double)seen >= rank)
			return bucket_end(i);
	}
	return bucket_end(HISTOGRAM_BUCKETS - 1);
}

/* The last bucket has no true end, so no bound is known to lie above its samples. */
uint64_t
histogram_count_below(const struct histogram_sum *h, uint64_t us)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1 && bucket_end(i) <= us; i++)
		n += h->count[i];
	return n;
}
