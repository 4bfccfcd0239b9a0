/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/touched.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/* What was collected the time before, to be told once more. */
struct earlier {
	uint64_t words[TOUCHED_CHUNK_WORDS];
};

struct touched_reader {
	struct touched **workers;
	unsigned count;
	struct earlier *earlier[TOUCHED_CHUNKS];
};

struct touched *
touched_new(void)
{
	return mem_lines(sizeof(struct touched));
}

void
touched_free(struct touched *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < TOUCHED_CHUNKS; i++)
		mem_free(atomic_load_explicit(&t->chunks[i], memory_order_acquire));
	mem_free(t);
}

struct touched_chunk *
touched_grow(struct touched *t, uint32_t id)
{
	struct touched_chunk *c;

	assert(id / TOUCHED_CHUNK < TOUCHED_CHUNKS);
	c = mem_lines(sizeof *c);
	atomic_store_explicit(&t->chunks[id / TOUCHED_CHUNK], c, memory_order_release);
	return c;
}

struct touched_reader *
touched_reader_new(struct touched *const *workers, unsigned count)
{
	struct touched_reader *r = mem_new(sizeof *r);

	r->workers = mem_array(count, sizeof(struct touched *));
	for (unsigned i = 0; i < count; i++)
		if (workers[i] != NULL)
			r->workers[r->count++] = workers[i];
	return r;
}

void
touched_reader_free(struct touched_reader *r)
{
	if (r == NULL)
		return;
	for (unsigned i = 0; i < TOUCHED_CHUNKS; i++)
		mem_free(r->earlier[i]);
	mem_free(r->workers);
	mem_free(r);
}

/* The marks of all workers in this chunk, taken back. Returns whether any worker has the chunk. */
static bool
take(struct touched_reader *r, unsigned chunk, uint64_t marks[TOUCHED_CHUNK_WORDS])
{
	bool exists = false;

	for (unsigned w = 0; w < r->count; w++) {
		struct touched_chunk *c =
		    atomic_load_explicit(&r->workers[w]->chunks[chunk], memory_order_acquire);

		if (c == NULL)
			continue;
		for (unsigned i = 0; i < TOUCHED_CHUNK_WORDS; i++) {
			uint64_t was = exists ? marks[i] : 0;

			marks[i] = was;
			if (atomic_load_explicit(&c->words[i], memory_order_relaxed) != 0)
				marks[i] |= atomic_exchange_explicit(
				    &c->words[i], 0, memory_order_acquire);
		}
		exists = true;
	}
	return exists;
}

static void
tell(uint64_t marks, uint32_t first_id, touched_fn *fn, void *arg)
{
	while (marks != 0) {
		fn(arg, first_id + (uint32_t)__builtin_ctzll(marks));
		marks &= marks - 1;
	}
}

void
touched_collect(struct touched_reader *r, touched_fn *fn, void *arg)
{
	uint64_t marks[TOUCHED_CHUNK_WORDS];

	for (unsigned chunk = 0; chunk < TOUCHED_CHUNKS; chunk++) {
		struct earlier *earlier;

		if (!take(r, chunk, marks))
			continue;
		if (r->earlier[chunk] == NULL)
			r->earlier[chunk] = mem_new(sizeof *r->earlier[chunk]);
		earlier = r->earlier[chunk];
		for (unsigned i = 0; i < TOUCHED_CHUNK_WORDS; i++) {
			tell(marks[i] | earlier->words[i],
			    chunk * TOUCHED_CHUNK + i * TOUCHED_WORD, fn, arg);
			earlier->words[i] = marks[i];
		}
	}
}
