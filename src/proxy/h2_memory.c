// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_memory.h"

#include <stdint.h>
#include <string.h>

#include "base/cache.h"

static void *
take(size_t size, void *arg)
{
	struct h2_memory *m = arg;
	void *block;

	if (size > m->limit || m->used > m->limit - size)
		return NULL;
	block = cache_take(m->cache, size);
	m->used += cache_size(block);
	return block;
}

static void
give(void *block, void *arg)
{
	struct h2_memory *m = arg;

	if (block == NULL)
		return;
	m->used -= cache_size(block);
	cache_give(m->cache, block);
}

static void *
take_zeroed(size_t count, size_t size, void *arg)
{
	size_t bytes;
	void *block;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	block = take(bytes, arg);
	return block != NULL ? memset(block, 0, bytes) : NULL;
}

static void *
resize(void *block, size_t size, void *arg)
{
	void *other;

	if (block != NULL && cache_size(block) >= size)
		return block;
	other = take(size, arg);
	if (other == NULL || block == NULL)
		return other;
	memcpy(other, block, cache_size(block));
	give(block, arg);
	return other;
}

void
h2_memory_begin(struct h2_memory *m, struct cache *cache, size_t limit)
{
	*m = (struct h2_memory){ .cache = cache, .limit = limit };
	m->mem = (nghttp2_mem){ m, take, give, take_zeroed, resize };
}
