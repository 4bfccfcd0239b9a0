/* SPDX-License-Identifier: Apache-2.0 */
#include "net/backlog.h"

#include <string.h>

#include "base/mem.h"
#include "base/slab.h"
#include "net/loop.h"

/*
 * What may wait beyond one block: an answer's head in front of a whole chunk, and the closing bytes
 * behind.
 */
enum { BACKLOG_MAX = 256 * 1024 };

void
backlog_drop(struct backlog *b)
{
	if (b->block == NULL)
		return;
	if (b->from != NULL)
		slab_give(b->from, b->block);
	else
		mem_free(b->block);
	*b = (struct backlog){ 0 };
}

static void
make_room(struct backlog *b, struct slab *blocks, size_t len)
{
	struct backlog bigger = { .len = b->len };

	if (b->block != NULL && b->at + b->len + len <= b->room)
		return;
	if (b->from != blocks && b->len + len <= slab_block_size(blocks)) {
		bigger.from = blocks;
		bigger.block = slab_take(blocks);
		bigger.room = (uint32_t)slab_block_size(blocks);
	} else {
		bigger.block = mem_raw(BACKLOG_MAX);
		bigger.room = BACKLOG_MAX;
	}
	if (b->block != NULL)
		memcpy(bigger.block, b->block + b->at, b->len);
	backlog_drop(b);
	*b = bigger;
}

bool
backlog_add(struct backlog *b, struct slab *blocks, const char *bytes, size_t len)
{
	if (b->len + len > BACKLOG_MAX - LOOP_CIPHER)
		return false;
	make_room(b, blocks, len);
	memcpy(b->block + b->at + b->len, bytes, len);
	b->len += (uint32_t)len;
	return true;
}

void
backlog_take(struct backlog *b, size_t n)
{
	b->at += (uint32_t)n;
	b->len -= (uint32_t)n;
	if (b->len == 0)
		backlog_drop(b);
}
