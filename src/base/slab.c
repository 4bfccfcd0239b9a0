/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slab.h"

#include <assert.h>
#include <sanitizer/asan_interface.h>

#include "base/hints.h"
#include "base/mem.h"

/*
 * The free ones are listed beside, not inside, so that giving back and taking touch no cold
 * line of the block, and AddressSanitizer can forbid the whole of it meanwhile.
 */
struct slab {
	size_t size;
	unsigned keep;
	unsigned in_use;
	unsigned free_count;
	void *free[];
};

struct slab *
slab_new(size_t size, unsigned keep)
{
	struct slab *s = mem_new(sizeof *s + keep * sizeof s->free[0]);

	s->size = size;
	s->keep = keep;
	return s;
}

void
slab_trim(struct slab *s)
{
	while (s->free_count > 0) {
		void *block = s->free[--s->free_count];

		ASAN_UNPOISON_MEMORY_REGION(block, s->size);
		mem_free(block);
	}
}

void
slab_free(struct slab *s)
{
	if (s == NULL)
		return;
	assert(s->in_use == 0);
	slab_trim(s);
	mem_free(s);
}

void *
slab_take(struct slab *s)
{
	void *block;

	s->in_use++;
	if (s->free_count == 0)
		return mem_raw_lines(s->size);
	block = s->free[--s->free_count];
	ASAN_UNPOISON_MEMORY_REGION(block, s->size);
	return block;
}

void
slab_expect(const struct slab *s, size_t used)
{
	if (s->free_count > 0)
		expect_bytes(s->free[s->free_count - 1], used);
}

void
slab_give(struct slab *s, void *block)
{
	if (block == NULL)
		return;
	assert(s->in_use > 0);
	s->in_use--;
	if (s->free_count == s->keep) {
		mem_free(block);
		return;
	}
	ASAN_POISON_MEMORY_REGION(block, s->size);
	s->free[s->free_count++] = block;
}

size_t
slab_block_size(const struct slab *s)
{
	return s->size;
}

unsigned
slab_in_use(const struct slab *s)
{
	return s->in_use;
}
