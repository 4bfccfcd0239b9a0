/*
 * Counters with one writer: a relaxed load and a relaxed store, no locked instruction. Readers
 * elsewhere may see a count late, never torn.
 */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include <stdatomic.h>

static inline void
stat_add(atomic_ullong *counter, unsigned long long n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static inline void
stat_step(atomic_uint *gauge, int by)
{
	atomic_store_explicit(gauge,
	    atomic_load_explicit(gauge, memory_order_relaxed) + (unsigned)by, memory_order_relaxed);
}

#endif
