/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum {
	ALIGN = 16,
	BLOCK_FIRST = 4 * 1024,
	BLOCK_MAX = 256 * 1024,
};

/* Zeroed when made and handed out once only, so what is taken needs no clearing. */
struct block {
	struct block *next;
	size_t size;
	size_t used;
	char bytes[] __attribute__((aligned(ALIGN)));
};

/* Lies in the arena itself. */
struct ending {
	struct ending *next;
	void (*fn)(void *arg);
	void *arg;
};

struct arena {
	struct block *blocks; /* the first has the room; owned */
	struct ending *endings; /* the last one first */
	size_t next_size;
	bool secret;
};

struct arena *
arena_new(void)
{
	struct arena *a = mem_new(sizeof *a);

	a->next_size = BLOCK_FIRST;
	return a;
}

struct arena *
arena_new_secret(void)
{
	struct arena *a = arena_new();

	a->secret = true;
	return a;
}

/* Pages of their own, or what is said of them would be said of others' bytes too. */
static struct block *
secret_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort(); /* as mem_new() does when there is no memory */
	mem_count_one();
	/* Neither is a condition: an old kernel or a low RLIMIT_MEMLOCK keeps nobody from serving.
	 */
	(void)madvise(p, size, MADV_DONTDUMP);
	(void)mlock(p, size);
	return p;
}

static void
block_free(const struct arena *a, struct block *b)
{
	size_t size = sizeof *b + b->size;

	if (!a->secret) {
		mem_free(b);
		return;
	}
	explicit_bzero(b, size);
	munmap(b, size);
}

void
arena_free(struct arena *a)
{
	struct block *b, *next;

	if (a == NULL)
		return;
	for (const struct ending *e = a->endings; e != NULL; e = e->next)
		e->fn(e->arg);
	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		block_free(a, b);
	}
	mem_free(a);
}

static struct block *
block_new(const struct arena *a, size_t size)
{
	size_t all = sizeof(struct block) + size;
	struct block *b = a->secret ? secret_pages(all) : mem_new(all);

	b->size = size;
	return b;
}

/* Something large gets a block to itself, behind the first, whose room stays in use. */
static void *
take_large(struct arena *a, size_t size)
{
	struct block *b = block_new(a, size);

	b->used = size;
	if (a->blocks == NULL) {
		a->blocks = b;
	} else {
		b->next = a->blocks->next;
		a->blocks->next = b;
	}
	return b->bytes;
}

static void
add_block(struct arena *a)
{
	struct block *b = block_new(a, a->next_size - sizeof *b);

	b->next = a->blocks;
	a->blocks = b;
	if (a->next_size < BLOCK_MAX)
		a->next_size *= 2;
}

void *
arena_take(struct arena *a, size_t size)
{
	struct block *b;
	void *p;

	assert(size <= SIZE_MAX / 2);
	size = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->blocks == NULL || a->blocks->size - a->blocks->used < size) {
		if (size > a->next_size / 4)
			return take_large(a, size);
		add_block(a);
	}
	b = a->blocks;
	p = b->bytes + b->used;
	b->used += size;
	return p;
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	bool overflow = __builtin_mul_overflow(count, size, &bytes);

	assert(!overflow);
	return arena_take(a, bytes);
}

void
arena_at_end(struct arena *a, void (*fn)(void *arg), void *arg)
{
	struct ending *e = arena_take(a, sizeof *e);

	*e = (struct ending){ .next = a->endings, .fn = fn, .arg = arg };
	a->endings = e;
}

char *
arena_strdup(struct arena *a, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(arena_take(a, size), text, size);
}

char *
arena_strndup(struct arena *a, const char *text, size_t max)
{
	size_t len = strnlen(text, max);

	return memcpy(arena_take(a, len + 1), text, len);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *printed, *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&printed, fmt, args);
	va_end(args);
	if (len < 0)
		abort(); /* as mem_new() does when there is no memory */
	mem_count_one();
	text = arena_strdup(a, printed);
	mem_free(printed);
	return text;
}
