/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cache.h"

#include <assert.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * Four sizes for each power of two, so that at most a fifth of a block is waste. What is larger
 * than the last is the system's at once.
 */
enum { FIRST_BITS = 6, LAST_BITS = 16, STEPS = 4, KINDS = (LAST_BITS - FIRST_BITS + 1) * STEPS };
enum { KEEP_BYTES = 512 * 1024, KEEP_MIN = 4 };

/* In front of each block; next is valid while it is kept. */
struct block {
	size_t size; /* with this */
	struct block *next;
};

struct cache {
	size_t in_use;
	struct {
		struct block *free;
		unsigned count;
	} kinds[KINDS];
};

/* The kind of a size, which is rounded up to what blocks of that kind have. */
static unsigned
kind_of(size_t *size)
{
	unsigned bits;
	size_t step;

	if (*size < (size_t)1 << FIRST_BITS)
		*size = (size_t)1 << FIRST_BITS;
	bits = 63 - (unsigned)__builtin_clzll(*size);
	step = (size_t)1 << (bits - 2);
	*size = (*size + step - 1) & ~(step - 1);
	bits = 63 - (unsigned)__builtin_clzll(*size);
	return (bits - FIRST_BITS) * STEPS + (unsigned)((*size >> (bits - 2)) - STEPS);
}

struct cache *
cache_new(void)
{
	return mem_new(sizeof(struct cache));
}

void
cache_trim(struct cache *c)
{
	for (unsigned i = 0; i < KINDS; i++) {
		while (c->kinds[i].free != NULL) {
			struct block *b = c->kinds[i].free;

			c->kinds[i].free = b->next;
			ASAN_UNPOISON_MEMORY_REGION(b, b->size);
			mem_free(b);
		}
		c->kinds[i].count = 0;
	}
}

void
cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	assert(c->in_use == 0);
	cache_trim(c);
	mem_free(c);
}

void *
cache_take(struct cache *c, size_t size)
{
	size_t whole = size + sizeof(struct block);
	unsigned kind = kind_of(&whole);
	struct block *b = kind < KINDS ? c->kinds[kind].free : NULL;

	c->in_use++;
	if (b != NULL) {
		c->kinds[kind].free = b->next;
		c->kinds[kind].count--;
		ASAN_UNPOISON_MEMORY_REGION(b, whole);
	} else {
		b = mem_raw(whole);
		b->size = whole;
	}
	return b + 1;
}

void
cache_give(struct cache *c, void *p)
{
	struct block *b = p;
	unsigned kind;

	if (p == NULL)
		return;
	b--;
	assert(c->in_use > 0);
	c->in_use--;
	kind = kind_of(&b->size);
	if (kind >= KINDS ||
	    (c->kinds[kind].count >= KEEP_MIN && c->kinds[kind].count * b->size >= KEEP_BYTES)) {
		mem_free(b);
		return;
	}
	b->next = c->kinds[kind].free;
	c->kinds[kind].free = b;
	c->kinds[kind].count++;
	ASAN_POISON_MEMORY_REGION(b + 1, b->size - sizeof *b);
}

size_t
cache_size(const void *p)
{
	return ((const struct block *)p - 1)->size - sizeof(struct block);
}
