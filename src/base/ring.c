/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"

enum {
	LINE = 64,
	ALIGN = 8,
	CAPACITY_MIN = 1024,
	CAPACITY_MAX = 1 << 30, /* lengths are 32 bits wide */
};

#define PADDING UINT32_MAX /* as a length: nothing here, the next record is at the start */

/* In front of each record; as large as the alignment, so there is room for one everywhere. */
struct record {
	uint32_t len;
	uint32_t reserved;
};

_Static_assert(sizeof(struct record) == ALIGN, "a record header must fit in any gap");

/*
 * Positions only grow; the place in the buffer is position & mask. Each side keeps what it last
 * saw of the other, so the other's cache line is fetched only when that was not enough.
 */
struct ring {
	/* the producer's line */
	_Atomic size_t head __attribute__((aligned(LINE)));
	size_t tail_seen;
	size_t reserved; /* head after the commit; head itself when nothing is reserved */
	_Atomic uint64_t dropped;

	/* the consumer's line */
	_Atomic size_t tail __attribute__((aligned(LINE)));
	size_t head_seen;

	/* constant */
	char *bytes __attribute__((aligned(LINE)));
	size_t mask;
};

struct ring *
ring_new(size_t capacity_bytes)
{
	struct ring *r = mem_lines(sizeof *r);
	size_t capacity = CAPACITY_MIN;

	assert(capacity_bytes <= CAPACITY_MAX);
	while (capacity < capacity_bytes)
		capacity *= 2;
	r->bytes = mem_lines(capacity);
	r->mask = capacity - 1;
	return r;
}

void
ring_free(struct ring *r)
{
	if (r == NULL)
		return;
	mem_free(r->bytes);
	mem_free(r);
}

static size_t
record_size(size_t len)
{
	return sizeof(struct record) + ((len + ALIGN - 1) & ~(size_t)(ALIGN - 1));
}

static struct record *
record_at(struct ring *r, size_t position)
{
	return (struct record *)(void *)(r->bytes + (position & r->mask));
}

static bool
has_room(struct ring *r, size_t until)
{
	size_t capacity = r->mask + 1;

	if (until - r->tail_seen <= capacity)
		return true;
	/* Acquire: the consumer has read what was there before we write over it. */
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return until - r->tail_seen <= capacity;
}

static void *
refuse(struct ring *r)
{
	atomic_store_explicit(&r->dropped,
	    atomic_load_explicit(&r->dropped, memory_order_relaxed) + 1, memory_order_relaxed);
	return NULL;
}

void *
ring_reserve(struct ring *r, size_t len)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	size_t capacity = r->mask + 1;
	size_t to_end = capacity - (head & r->mask);
	size_t start = head;
	struct record *record;

	if (len > capacity / 4)
		return refuse(r);
	if (record_size(len) > to_end)
		start = head + to_end;
	if (!has_room(r, start + record_size(len)))
		return refuse(r);
	if (start != head)
		record_at(r, head)->len = PADDING;
	record = record_at(r, start);
	record->len = (uint32_t)len;
	r->reserved = start + record_size(len);
	return record + 1;
}

void
ring_commit(struct ring *r)
{
	assert(r->reserved != atomic_load_explicit(&r->head, memory_order_relaxed));
	atomic_store_explicit(&r->head, r->reserved, memory_order_release);
}

uint64_t
ring_dropped(const struct ring *r)
{
	return atomic_load_explicit(&r->dropped, memory_order_relaxed);
}

/* The tail first: then the head that is read after it can't be behind it. */
size_t
ring_waiting(const struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	size_t waiting = atomic_load_explicit(&r->head, memory_order_acquire) - tail;

	return waiting <= r->mask + 1 ? waiting : r->mask + 1;
}

const void *
ring_peek(struct ring *r, size_t *len)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	struct record *record;

	if (tail == r->head_seen) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail == r->head_seen)
			return NULL;
	}
	record = record_at(r, tail);
	if (record->len == PADDING) { /* published together with the record behind it */
		tail += r->mask + 1 - (tail & r->mask);
		atomic_store_explicit(&r->tail, tail, memory_order_release);
		record = record_at(r, tail);
	}
	*len = record->len;
	return record + 1;
}

void
ring_release(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	assert(tail != r->head_seen);
	atomic_store_explicit(
	    &r->tail, tail + record_size(record_at(r, tail)->len), memory_order_release);
}
