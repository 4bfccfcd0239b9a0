/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/admission.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	NS_PER_US = 1000,
	BURST_NS = 20 * 1000 * 1000,
	BURST_REQUESTS = 10,
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

/* How far the bucket's word may be ahead of the time; no limit needs no bucket. */
static uint64_t
burst_ns(uint64_t interval_ns)
{
	if (interval_ns == 0)
		return 0;
	return BURST_REQUESTS * interval_ns > BURST_NS ? BURST_REQUESTS * interval_ns : BURST_NS;
}

static void
shorten_burst(struct admission *a, uint64_t by_ns)
{
	/* between these two it hardly ever becomes less, and then by a request's worth */
	if (atomic_load_explicit(&a->empty_at_ns, memory_order_relaxed) >= by_ns)
		atomic_fetch_sub_explicit(&a->empty_at_ns, by_ns, memory_order_relaxed);
}

/*
 * Those that began before the limit only become fewer; what the count says beyond that is the two
 * numbers having been read one after the other.
 */
static unsigned
room_beside(struct admission *a, unsigned most, unsigned under_way)
{
	unsigned counted = atomic_load_explicit(&a->in_flight, memory_order_relaxed);
	unsigned before = under_way > counted ? under_way - counted : 0;
	bool begins = atomic_load_explicit(&a->most_in_flight, memory_order_relaxed) == 0;

	if (most == 0)
		before = 0;
	else if (!begins && before > a->before)
		before = a->before;
	a->before = before;
	return most > before ? most - before : most > 0;
}

void
admission_set(
    struct admission *a, double limit_per_s, double most_in_flight, unsigned under_way)
{
	unsigned interval_ns = 0, most = 0;
	uint64_t was_ns, is_ns;

	if (limit_per_s > 0)
		interval_ns = (unsigned)lround(1e9 / fmin(fmax(limit_per_s, 1), 1e9));
	if (most_in_flight > 0)
		most = (unsigned)fmin(fmax(most_in_flight, 1), UINT32_MAX);
	/*
	 * A word that is ahead by an old, longer burst would keep the old limit in force for as
	 * long as that lasts. It is set right here, and not where a request finds it too far
	 * ahead: the clock of a worker that was held up may be late by any time, and would give
	 * back what others have taken.
	 */
	was_ns = burst_ns(atomic_load_explicit(&a->interval_ns, memory_order_relaxed));
	is_ns = burst_ns(interval_ns);
	if (is_ns < was_ns)
		shorten_burst(a, was_ns - is_ns);
	atomic_store_explicit(&a->interval_ns, interval_ns, memory_order_relaxed);
	most = room_beside(a, most, under_way);
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
 * interval.
 */
static bool
take_token(struct admission *a, enum admission_class class, uint64_t now_ns)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);
	uint64_t burst = burst_ns(interval);
	uint64_t latest = now_ns + burst - burst * reserve_percent(class) / 100;
	unsigned long long was = atomic_load_explicit(&a->empty_at_ns, memory_order_relaxed);

	if (interval == 0)
		return true;
	for (unsigned i = 0; i < MOST_RACES; i++) {
		uint64_t next = (was > now_ns ? was : now_ns) + interval;

		if (next > latest)
			return false;
		if (atomic_compare_exchange_weak_explicit(
			&a->empty_at_ns, &was, next, memory_order_relaxed, memory_order_relaxed))
			return true;
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

unsigned
admission_filling(const struct admission *a)
{
	unsigned most = atomic_load_explicit(&a->most_in_flight, memory_order_relaxed);

	if (most == 0 || atomic_load_explicit(&a->in_flight, memory_order_relaxed) < most / 2)
		return 0;
	return most;
}

/* The other one had no room: as if this had not been asked. */
static void
give_up(struct admission *a)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);

	admission_leave(a);
	shorten_burst(a, interval);
}

bool
ticket_take(struct ticket *t, struct admission *own, struct admission *common,
    enum admission_class class, uint64_t now_us)
{
	*t = (struct ticket){ 0 };
	if (admission_limits(own)) {
		if (!admission_enter(own, class, now_us))
			return false;
		t->own = own;
	}
	if (common == NULL || !admission_limits(common))
		return true;
	if (admission_enter(common, class, now_us)) {
		t->common = common;
		return true;
	}
	if (t->own != NULL)
		give_up(own);
	t->own = NULL;
	return false;
}

void
ticket_give_back(struct ticket *t)
{
	if (t->own != NULL)
		admission_leave(t->own);
	if (t->common != NULL)
		admission_leave(t->common);
	*t = (struct ticket){ 0 };
}
