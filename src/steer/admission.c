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
	WAIT_NS = ADMISSION_WAIT_US * NS_PER_US,
	/*
	 * Patience: so many of those that the rate lets pass may have waited, of PATIENCE_WHOLE,
	 * and as many in a row as pass in PATIENCE_NS.
	 */
	PATIENCE_PART = 1,
	PATIENCE_WHOLE = 2,
	PATIENCE_NS = 200 * 1000 * 1000,
};

#define NEVER UINT64_MAX

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
move_back(atomic_ullong *word, uint64_t by_ns)
{
	/* between these two it hardly ever becomes less, and then by a request's worth */
	if (atomic_load_explicit(word, memory_order_relaxed) >= by_ns)
		atomic_fetch_sub_explicit(word, by_ns, memory_order_relaxed);
}

/*
 * Those that began before the limit only become fewer; what the count says beyond that is the two
 * numbers having been read one after the other.
 */
static unsigned
room_beside(struct admission *a, unsigned most, unsigned under_way)
{
	unsigned counted = atomic_load_explicit(&a->in_flight, memory_order_relaxed) +
	    atomic_load_explicit(&a->resent, memory_order_relaxed);
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
admission_set(struct admission *a, double limit_per_s, double most_in_flight, unsigned under_way)
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
		move_back(&a->empty_at_ns, was_ns - is_ns);
	atomic_store_explicit(&a->interval_ns, interval_ns, memory_order_relaxed);
	most = room_beside(a, most, under_way);
	atomic_store_explicit(&a->most_in_flight, most, memory_order_relaxed);
}

/*
 * Half the reserves of the bucket: at full load half of what may be in flight is in use (Little's
 * law, with twice the latency), and retries should not be shut out by that alone.
 */
static unsigned
room_in_flight(unsigned most, enum admission_class class)
{
	return most - (unsigned)((uint64_t)most * reserve_percent(class) / 200);
}

static atomic_uint *
counter_of(struct admission *a, enum admission_class class)
{
	return class == ADMIT_RETRY ? &a->resent : &a->in_flight;
}

/* Is there no room among those of its kind, or, for a retry, among the others? */
static bool
is_full(const struct admission *a, enum admission_class class)
{
	unsigned most = atomic_load_explicit(&a->most_in_flight, memory_order_relaxed);
	unsigned room = room_in_flight(most, class);

	if (most == 0)
		return false;
	return atomic_load_explicit(&a->in_flight, memory_order_relaxed) >= room ||
	    (class == ADMIT_RETRY &&
		atomic_load_explicit(&a->resent, memory_order_relaxed) >= room);
}

/* Where it is counted; NULL: there is no room. Others may have come since it was asked for. */
static atomic_uint *
enter_in_flight(struct admission *a, enum admission_class class)
{
	unsigned most = atomic_load_explicit(&a->most_in_flight, memory_order_relaxed);
	atomic_uint *counter = counter_of(a, class);
	unsigned was;

	if (class == ADMIT_RETRY && is_full(a, class))
		return NULL;
	was = atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	if (most == 0 || was < room_in_flight(most, class))
		return counter;
	admission_leave(counter);
	return NULL;
}

static uint64_t
next_of(uint64_t word_ns, uint64_t interval_ns, uint64_t now_ns)
{
	return (word_ns > now_ns ? word_ns : now_ns) + interval_ns;
}

/* Moves a word on by its interval, but not beyond latest; *next is what it is then. */
static inline bool
move_on(
    atomic_ullong *word, uint64_t interval_ns, uint64_t latest_ns, uint64_t now_ns, uint64_t *next)
{
	unsigned long long was = atomic_load_explicit(word, memory_order_relaxed);

	for (unsigned i = 0; i < MOST_RACES; i++) {
		*next = next_of(was, interval_ns, now_ns);
		if (*next > latest_ns)
			return false;
		if (atomic_compare_exchange_weak_explicit(
			word, &was, *next, memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	return false; /* each lost race let another request in: a cap is kept rather than guessed */
}

static uint64_t
part_for(uint64_t whole, enum admission_class class)
{
	return whole - whole * reserve_percent(class) / 100;
}

/* How far ahead the bucket's word may be once a request of this class has gone. */
static uint64_t
latest_of(uint64_t interval_ns, enum admission_class class, uint64_t now_ns)
{
	return now_ns + part_for(burst_ns(interval_ns), class);
}

/*
 * The bucket is empty at its word and refills as time goes by; a request moves the word on by its
 * interval.
 */
static bool
take_token(struct admission *a, enum admission_class class, uint64_t now_ns)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);
	uint64_t next;

	return interval == 0 ||
	    move_on(&a->empty_at_ns, interval, latest_of(interval, class, now_ns), now_ns, &next);
}

atomic_uint *
admission_enter(struct admission *a, enum admission_class class, uint64_t now_us)
{
	atomic_uint *counter = enter_in_flight(a, class);

	if (counter == NULL || take_token(a, class, now_us * NS_PER_US))
		return counter;
	admission_leave(counter);
	return NULL;
}

void
admission_leave(atomic_uint *counter)
{
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

struct filling
admission_filling(const struct admission *a, enum admission_class class)
{
	unsigned most = atomic_load_explicit(&a->most_in_flight, memory_order_relaxed);
	unsigned in_flight, resent;

	if (most == 0)
		return (struct filling){ 0 };
	in_flight = atomic_load_explicit(&a->in_flight, memory_order_relaxed);
	resent = atomic_load_explicit(&a->resent, memory_order_relaxed);
	if ((class == ADMIT_RETRY ? resent : in_flight) < most / 2)
		return (struct filling){ 0 };
	return (struct filling){ most, class == ADMIT_RETRY ? in_flight : resent };
}

/* A token that was taken for nothing. */
static void
return_token(struct admission *a)
{
	move_back(&a->empty_at_ns, atomic_load_explicit(&a->interval_ns, memory_order_relaxed));
}

bool
ticket_take(struct ticket *t, struct admission *own, struct admission *common,
    enum admission_class class, uint64_t now_us)
{
	*t = (struct ticket){ 0 };
	if (admission_limits(own)) {
		t->own = admission_enter(own, class, now_us);
		if (t->own == NULL)
			return false;
	}
	if (common == NULL || !admission_limits(common))
		return true;
	t->common = admission_enter(common, class, now_us);
	if (t->common != NULL)
		return true;
	if (t->own != NULL)
		return_token(own);
	ticket_give_back(t);
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

/* ---- waiting for a token ---- */

static uint64_t
patience_interval(uint64_t interval_ns)
{
	return interval_ns * PATIENCE_WHOLE / PATIENCE_PART;
}

static uint64_t
patience_end(enum admission_class class, uint64_t now_ns)
{
	return now_ns + part_for((uint64_t)PATIENCE_NS * PATIENCE_WHOLE / PATIENCE_PART, class);
}

static uint64_t
wait_ns(const struct admission *a, enum admission_class class, uint64_t now_ns)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);
	uint64_t word = atomic_load_explicit(&a->empty_at_ns, memory_order_relaxed);
	uint64_t patience = atomic_load_explicit(&a->patience_ns, memory_order_relaxed);
	uint64_t next = next_of(word, interval, now_ns);
	uint64_t latest = latest_of(interval, class, now_ns);

	if (is_full(a, class))
		return NEVER; /* time alone makes no room there */
	if (interval == 0 || next <= latest)
		return 0;
	if (next - latest > part_for(WAIT_NS, class) ||
	    next_of(patience, patience_interval(interval), now_ns) > patience_end(class, now_ns))
		return NEVER;
	return next - latest;
}

uint32_t
ticket_wait_us(const struct admission *own, const struct admission *common,
    enum admission_class class, uint64_t now_us)
{
	uint64_t now_ns = now_us * NS_PER_US;
	uint64_t ns = wait_ns(own, class, now_ns);
	uint64_t also = common != NULL ? wait_ns(common, class, now_ns) : 0;

	if (also > ns)
		ns = also;
	return ns == NEVER ? ADMISSION_NEVER : (uint32_t)(ns / NS_PER_US + 1);
}

static bool
reserve(struct admission *a, enum admission_class class, uint64_t now_ns, uint64_t *wait)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);
	uint64_t latest = latest_of(interval, class, now_ns);
	uint64_t next, patience;

	*wait = 0;
	if (interval == 0)
		return true;
	if (!move_on(&a->empty_at_ns, interval, latest + part_for(WAIT_NS, class), now_ns, &next))
		return false;
	if (next <= latest)
		return true;
	*wait = next - latest;
	if (move_on(&a->patience_ns, patience_interval(interval), patience_end(class, now_ns),
		now_ns, &patience))
		return true;
	move_back(&a->empty_at_ns, interval);
	return false;
}

/* What was reserved for nothing. */
static void
give_back_turn(struct admission *a, uint64_t wait)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);

	return_token(a);
	if (wait > 0)
		move_back(&a->patience_ns, patience_interval(interval));
}

uint32_t
ticket_reserve(
    struct admission *own, struct admission *common, enum admission_class class, uint64_t now_us)
{
	uint64_t now_ns = now_us * NS_PER_US, wait, also = 0;

	if (!reserve(own, class, now_ns, &wait))
		return ADMISSION_NEVER;
	if (common != NULL && !reserve(common, class, now_ns, &also)) {
		give_back_turn(own, wait);
		return ADMISSION_NEVER;
	}
	return (uint32_t)((wait > also ? wait : also) / NS_PER_US + 1);
}

bool
ticket_redeem(
    struct ticket *t, struct admission *own, struct admission *common, enum admission_class class)
{
	*t = (struct ticket){ .own = enter_in_flight(own, class) };
	if (t->own != NULL && common != NULL)
		t->common = enter_in_flight(common, class);
	if (t->own != NULL && (common == NULL || t->common != NULL))
		return true;
	ticket_give_back(t);
	return false;
}

static bool
has_no_token(const struct admission *a, enum admission_class class, uint64_t now_ns)
{
	uint64_t interval = atomic_load_explicit(&a->interval_ns, memory_order_relaxed);
	uint64_t word = atomic_load_explicit(&a->empty_at_ns, memory_order_relaxed);

	return interval != 0 &&
	    next_of(word, interval, now_ns) > latest_of(interval, class, now_ns);
}

/* At half of it already, where an endpoint may have had its part. */
static bool
fills(const struct admission *a, enum admission_class class)
{
	return is_full(a, class) || admission_filling(a, class).most > 0;
}

enum admission_limit
ticket_meets(const struct admission *own, const struct admission *common,
    enum admission_class class, uint64_t now_us)
{
	uint64_t now_ns = now_us * NS_PER_US;

	if (has_no_token(own, class, now_ns) ||
	    (common != NULL && has_no_token(common, class, now_ns)))
		return LIMIT_RATE;
	return fills(own, class) || (common != NULL && fills(common, class)) ? LIMIT_IN_FLIGHT
									     : LIMIT_NONE;
}
