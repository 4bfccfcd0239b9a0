// SPDX-License-Identifier: Apache-2.0
#include "proxy/replay.h"

#include <stdatomic.h>
#include <string.h>

#include "base/slab.h"

struct replay_block {
	struct replay_block *next;
	size_t len;
	char bytes[];
};

/* Bytes of blocks that all workers hold. */
static atomic_size_t held;

bool
replay_fits(const struct replay *r, size_t len, size_t limit, uint64_t total)
{
	return !r->lost && len <= limit && r->len <= limit - len &&
	    atomic_load_explicit(&held, memory_order_relaxed) + len <= total;
}

void
replay_append(struct replay *r, struct slab *blocks, const char *bytes, size_t len)
{
	size_t room = slab_block_size(blocks) - sizeof(struct replay_block);

	r->len += (uint32_t)len;
	while (len > 0) {
		struct replay_block *b = r->last;
		size_t n;

		if (b == NULL || b->len == room) {
			b = slab_take(blocks);
			atomic_fetch_add_explicit(
			    &held, slab_block_size(blocks), memory_order_relaxed);
			b->next = NULL;
			b->len = 0;
			if (r->last != NULL)
				r->last->next = b;
			else
				r->first = b;
			r->last = b;
		}
		n = len < room - b->len ? len : room - b->len;
		memcpy(b->bytes + b->len, bytes, n);
		b->len += n;
		bytes += n;
		len -= n;
	}
}

void
replay_clone(struct replay *to, const struct replay *from, struct slab *blocks)
{
	for (const struct replay_block *b = from->first; b != NULL; b = b->next)
		replay_append(to, blocks, b->bytes, b->len);
}

void
replay_drop(struct replay *r, struct slab *blocks)
{
	r->lost = r->lost || r->len > 0;
	while (r->first != NULL) {
		struct replay_block *b = r->first;

		r->first = b->next;
		slab_give(blocks, b);
		atomic_fetch_sub_explicit(&held, slab_block_size(blocks), memory_order_relaxed);
	}
	r->last = NULL;
	r->len = 0;
}

size_t
replay_copy(const struct replay *r, size_t offset, char *out, size_t size)
{
	size_t copied = 0;

	for (const struct replay_block *b = r->first; b != NULL && copied < size; b = b->next) {
		size_t n;

		if (offset >= b->len) {
			offset -= b->len;
			continue;
		}
		n = b->len - offset < size - copied ? b->len - offset : size - copied;
		memcpy(out + copied, b->bytes + offset, n);
		copied += n;
		offset = 0;
	}
	return copied;
}
