/*
 * Which endpoints a worker has used since control last looked: a bitmap by endpoint id, so that a
 * tick reads the shards of those and of no others, however many endpoints there are.
 *
 * One per worker: that worker marks, control collects. Grows by chunks and never moves.
 */
#ifndef STEER_TOUCHED_H
#define STEER_TOUCHED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TOUCHED_WORD = 64,
	TOUCHED_CHUNK_WORDS = 64,
	TOUCHED_CHUNK = TOUCHED_WORD * TOUCHED_CHUNK_WORDS, /* ids */
	TOUCHED_CHUNKS = 1024, /* 4 million endpoints */
};

struct touched_chunk {
	atomic_ullong words[TOUCHED_CHUNK_WORDS];
};

struct touched {
	/* NULL until the worker first marks an id in it (release/acquire) */
	_Atomic(struct touched_chunk *) chunks[TOUCHED_CHUNKS];
};

struct touched *touched_new(void);
void touched_free(struct touched *); /* NULL is fine */

/* The worker: makes the chunk. Ids of TOUCHED_CHUNK * TOUCHED_CHUNKS and more do not exist. */
struct touched_chunk *touched_grow(struct touched *, uint32_t id);

/*
 * The worker, after it has counted something in the endpoint's shard. A bit that is set already
 * costs a plain read, so a busy endpoint costs one locked instruction a tick.
 */
static inline void
touched_mark(struct touched *t, uint32_t id)
{
	struct touched_chunk *c =
	    atomic_load_explicit(&t->chunks[id / TOUCHED_CHUNK], memory_order_relaxed);
	unsigned long long bit = 1ull << id % TOUCHED_WORD;
	atomic_ullong *word;

	if (c == NULL)
		c = touched_grow(t, id);
	word = &c->words[id % TOUCHED_CHUNK / TOUCHED_WORD];
	if ((atomic_load_explicit(word, memory_order_relaxed) & bit) == 0)
		atomic_fetch_or_explicit(word, bit, memory_order_release);
}

/*
 * Control's side: the union over all workers. A mark that is skipped because its bit was still set
 * may belong to a count that control's reading has just missed; so an id is told once more, at the
 * next collection, and nothing is lost for longer than a tick.
 */
struct touched_reader;

/* The bitmaps are borrowed as long as the reader; NULL ones are skipped. */
struct touched_reader *touched_reader_new(struct touched *const *workers, unsigned count);
void touched_reader_free(struct touched_reader *); /* NULL is fine */

typedef void touched_fn(void *arg, uint32_t id);
/* Takes all marks back and calls fn once for each id marked since the collection before the last. */
void touched_collect(struct touched_reader *, touched_fn *fn, void *arg);

#endif
