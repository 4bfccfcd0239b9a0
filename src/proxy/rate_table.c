// SPDX-License-Identifier: Apache-2.0
#include "proxy/rate_table.h"

#include <stdatomic.h>

#include "base/mem.h"

enum {
	WAYS = 4,
	LINES = 64 * 1024,
	CLAIMS = 4, /* tries to get a place before another's is shared */
};

struct bucket {
	atomic_ullong key;     /* 0: nobody's yet */
	atomic_ullong full_ns; /* full from then on */
};

struct line {
	struct bucket ways[WAYS];
};

struct rate_table {
	struct line *lines; /* owned; zero, and so not there before it is used */
};

struct rate_table *
rate_table_new(void)
{
	struct rate_table *t = mem_new(sizeof *t);

	t->lines = mem_array(LINES, sizeof *t->lines);
	return t;
}

void
rate_table_free(struct rate_table *t)
{
	if (t == NULL)
		return;
	mem_free(t->lines);
	mem_free(t);
}

static uint64_t
full_at(struct bucket *b)
{
	return atomic_load_explicit(&b->full_ns, memory_order_relaxed);
}

/* The key's bucket, or the one of its line that can best be done without. */
static struct bucket *
look(struct bucket *ways, uint64_t key)
{
	struct bucket *best = &ways[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (atomic_load_explicit(&ways[i].key, memory_order_relaxed) == key)
			return &ways[i];
		if (full_at(&ways[i]) < full_at(best))
			best = &ways[i];
	}
	return best;
}

/*
 * Several workers may want the same place at once; who loses looks again. In between somebody may
 * be charged a token for somebody else, which is as much as a lock here would be worth.
 */
static struct bucket *
find(struct rate_table *t, uint64_t key)
{
	struct bucket *ways = t->lines[key % LINES].ways;
	struct bucket *b = look(ways, key);

	for (unsigned i = 0; i < CLAIMS; i++) {
		unsigned long long was = atomic_load_explicit(&b->key, memory_order_relaxed);

		if (was == key)
			return b;
		atomic_store_explicit(&b->full_ns, 0, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(
			&b->key, &was, key, memory_order_relaxed, memory_order_relaxed))
			return b;
		b = look(ways, key);
	}
	return b;
}

/* A bucket that takes longer than 30 years to fill is as good as one that does. */
static uint64_t
depth(uint64_t interval_ns, uint32_t burst)
{
	static const uint64_t most_ns = UINT64_C(1000000000000000000);
	uint64_t ns;

	return __builtin_mul_overflow(interval_ns, burst, &ns) || ns > most_ns ? most_ns : ns;
}

uint64_t
rate_table_take(
    struct rate_table *t, uint64_t key, uint64_t interval_ns, uint32_t burst, uint64_t now_ns)
{
	uint64_t depth_ns = depth(interval_ns, burst);
	struct bucket *b = find(t, key != 0 ? key : 1);
	unsigned long long full_ns = full_at(b);

	for (;;) {
		uint64_t after_ns = (full_ns > now_ns ? full_ns : now_ns) + interval_ns;

		if (after_ns - now_ns > depth_ns)
			return after_ns - now_ns - depth_ns;
		if (atomic_compare_exchange_weak_explicit(&b->full_ns, &full_ns, after_ns,
			memory_order_relaxed, memory_order_relaxed))
			return 0;
	}
}
