/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

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

static void
widen(struct histogram_sum *sum, unsigned first, unsigned end)
{
	if (first >= end)
		return;
	if (sum->first >= sum->end) {
		sum->first = first;
		sum->end = end;
	}
	if (first < sum->first)
		sum->first = first;
	if (end > sum->end)
		sum->end = end;
}

void
histogram_merge(struct histogram_sum *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint32_t n = atomic_load_explicit(&from->count[i], memory_order_relaxed);

		if (n == 0)
			continue;
		into->count[i] += n;
		into->total += n;
		widen(into, i, i + 1);
	}
	into->sum_us += atomic_load_explicit(&from->sum_us, memory_order_relaxed);
}

/* Those buckets of more that lie before end. */
static void
add_buckets(struct histogram_sum *into, const struct histogram_sum *more, unsigned end)
{
	if (end > more->end)
		end = more->end;
	widen(into, more->first, end);
	for (unsigned i = more->first; i < end; i++) {
		into->count[i] += more->count[i];
		into->total += more->count[i];
	}
}

void
histogram_sum_add(struct histogram_sum *into, const struct histogram_sum *more)
{
	add_buckets(into, more, HISTOGRAM_BUCKETS);
	into->sum_us += more->sum_us;
}

void
histogram_add_below(struct histogram_sum *into, const struct histogram_sum *from, uint64_t us)
{
	add_buckets(into, from, histogram_bucket(us));
}

void
histogram_sum_copy(struct histogram_sum *into, const struct histogram_sum *from)
{
	for (unsigned i = into->first; i < into->end; i++)
		into->count[i] = 0;
	into->first = into->end = 0;
	into->total = into->sum_us = 0;
	histogram_sum_add(into, from);
}

void
histogram_subtract(struct histogram_sum *into, const struct histogram_sum *old)
{
	unsigned first, end;

	widen(into, old->first, old->end);
	first = into->first;
	end = into->end;
	into->first = into->end = 0;
	into->total = 0;
	for (unsigned i = first; i < end; i++) {
		into->count[i] = (uint32_t)(into->count[i] - old->count[i]);
		if (into->count[i] == 0)
			continue;
		into->total += into->count[i];
		widen(into, i, i + 1);
	}
	into->sum_us -= old->sum_us;
}

uint64_t
histogram_quantile(const struct histogram_sum *h, double q)
{
	uint64_t seen = 0;
	double rank = q * (double)h->total;

	if (h->total == 0)
		return 0;
	for (unsigned i = h->first; i < h->end; i++) {
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

	for (unsigned i = h->first; i < h->end && i < HISTOGRAM_BUCKETS - 1 && bucket_end(i) <= us;
	     i++)
		n += h->count[i];
	return n;
}
