/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/admission.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	NS_PER_US = 1000,
	BURST_NS = 20 * 1000 * 1000,
	BURST_REQUESTS = 10,
	SKEW_NS = 100 * 1000 * 1000, /* workers read the clock once a turn */
	MOST_RACES = 64,
};

/* Of the burst, what a request of this class must leave, in 1/100. */
static unsigned reserve_percent(enum admission_class class)
{
	switch (class) {
	case ADMIT_RETRY:
		return 50;
	case ADMIT_LOW:
		return 25;
	case ADMIT_NORMAL:
		return 10;
	case ADMIT_HIGH:
		return 0;
	}
	abort();
}

void
admission_set(struct admission *a, double limit_per_s, double most_in_flight)
{
	unsigned interval_ns = 0, most = 0;

	if (limit_per_s > 0)
		interval_ns = (unsigned)lround(1e9 / fmin(fmax(limit_per_s, 1), 1e9));
	if (most_in_flight > 0)
		most = (unsigned)fmin(fmax(most_in_flight, 1), UINT32_MAX);
	atomic_store_explicit(&a->interval_ns, interval_ns, memory_order_relaxed);
	atomic_store_explicit(&a->most_in_flight, most, memory_order_relaxed);
}

/*
 * Half the reserves of the bucket: at full load half of what may be in flight is in use (Little's
 * law, with twice the latency), and retries should not be shut out by that alone.
 */
static bool
enter_in_flight(struct admission *a, enum admission_class class)
{
	unsigned most = atomic_load_explicit(&a->most_in_flight, memory_order_relaxed);
	unsigned room = most - (unsigned)((uint64_t)most * reserve_percent(class) / 200);
	unsigned was = atomic_fetch_add_explicit(&a->in_flight, 1, memory_order_relaxed);

	if (most == 0 || was < room)
		return true;
	atomic_fetch_sub_explicit(&a->in_flight, 1, memory_order_relaxed);
	return false;
}

/*
 * The bucket is empty at its word and refills as time goes by; a request moves the word on by its
 * interval. A word far beyond the present burst was written under a lower limit, and is brought
 * back, or that limit would be kept for as long as its own burst lasted.
 */
static bool
take_token(struct admission *a, enum admission_class class, uint64_t now_ns)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);
	uint64_t burst =
	    BURST_REQUESTS * interval > BURST_NS ? BURST_REQUESTS * interval : BURST_NS;
	uint64_t latest = now_ns + burst - burst * reserve_percent(class) / 100;
	unsigned long long was = atomic_load_explicit(&a->empty_at_ns, memory_order_relaxed);

	if (interval == 0)
		return true;
	for (unsigned i = 0; i < MOST_RACES; i++) {
		uint64_t from = was > now_ns ? was : now_ns;
		bool enough;

		if (from > now_ns + burst + SKEW_NS)
			from = now_ns + burst;
		enough = from + interval <= latest;
		if (!enough && from >= was)
			return false;
		if (atomic_compare_exchange_weak_explicit(&a->empty_at_ns, &was,
			enough ? from + interval : from, memory_order_relaxed,
			memory_order_relaxed))
			return enough;
	}
	return false; /* each lost race let another request in: a cap is kept rather than guessed */
}

bool
admission_enter(struct admission *a, enum admission_class class, uint64_t now_us)
{
	if (!enter_in_flight(a, class))
		return false;
	if (take_token(a, class, now_us * NS_PER_US))
		return true;
	atomic_fetch_sub_explicit(&a->in_flight, 1, memory_order_relaxed);
	return false;
}

void
admission_leave(struct admission *a)
{
	atomic_fetch_sub_explicit(&a->in_flight, 1, memory_order_relaxed);
}
