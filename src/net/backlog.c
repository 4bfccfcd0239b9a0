/* SPDX-License-Identifier: Apache-2.0 */
#include "net/backlog.h"

#include <string.h>

#include "base/mem.h"
#include "base/slab.h"

/*
 * What may wait beyond one block: an answer's head in front of a whole chunk, and the closing bytes
 * behind.
 */
enum { BACKLOG_MAX = 256 * 1024 };

void
backlog_drop(struct backlog *b, struct slab *blocks)
{
	if (b->block == NULL)
		return;
	if (b->room == slab_block_size(blocks))
		slab_give(blocks, b->block);
	else
		mem_free(b->block);
	*b = (struct backlog){ NULL, 0, 0, 0 };
}

static void
make_room(struct backlog *b, struct slab *blocks, size_t len)
{
	size_t need = b->at + b->len + len;
	struct backlog bigger = { NULL, 0, b->len, BACKLOG_MAX };

	if (b->block == NULL && need <= slab_block_size(blocks)) {
		b->block = slab_take(blocks);
		b->room = (uint32_t)slab_block_size(blocks);
		return;
	}
	if (need <= b->room)
		return;
	bigger.block = mem_raw(BACKLOG_MAX);
	if (b->block != NULL)
		memcpy(bigger.block, b->block + b->at, b->len);
	backlog_drop(b, blocks);
	*b = bigger;
}

bool
backlog_add(struct backlog *b, struct slab *blocks, const char *bytes, size_t len)
{
	if (b->len + len > BACKLOG_MAX - slab_block_size(blocks))
		return false;
	make_room(b, blocks, len);
	memcpy(b->block + b->at + b->len, bytes, len);
	b->len += (uint32_t)len;
	return true;
}

void
backlog_take(struct backlog *b, struct slab *blocks, size_t n)
{
	b->at += (uint32_t)n;
	b->len -= (uint32_t)n;
	if (b->len == 0)
		backlog_drop(b, blocks);
}
