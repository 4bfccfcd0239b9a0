/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fifo.h"

#include <assert.h>
#include <string.h>

#include "base/slab.h"

struct fifo_block {
	struct fifo_block *next;
	size_t len;
	char bytes[];
};

static struct fifo_block *
add_block(struct fifo *f, struct slab *blocks)
{
	struct fifo_block *b = slab_take(blocks);

	b->next = NULL;
	b->len = 0;
	if (f->last != NULL)
		f->last->next = b;
	else
		f->first = b;
	f->last = b;
	return b;
}

void
fifo_append(struct fifo *f, struct slab *blocks, const char *bytes, size_t len)
{
	size_t room = slab_block_size(blocks) - sizeof(struct fifo_block);

	f->len += len;
	while (len > 0) {
		struct fifo_block *b = f->last;
		size_t n;

		if (b == NULL || b->len == room)
			b = add_block(f, blocks);
		n = len < room - b->len ? len : room - b->len;
		memcpy(b->bytes + b->len, bytes, n);
		b->len += n;
		bytes += n;
		len -= n;
	}
}

struct slice
fifo_front(const struct fifo *f)
{
	if (f->first == NULL)
		return (struct slice){ "", 0 };
	return (struct slice){ f->first->bytes + f->taken, f->first->len - f->taken };
}

void
fifo_take(struct fifo *f, struct slab *blocks, size_t n)
{
	assert(n <= f->len);
	f->len -= n;
	f->taken += n;
	while (f->first != NULL && f->taken >= f->first->len) {
		struct fifo_block *b = f->first;

		f->taken -= b->len;
		f->first = b->next;
		if (f->first == NULL)
			f->last = NULL;
		slab_give(blocks, b);
	}
}

size_t
fifo_read(struct fifo *f, struct slab *blocks, char *out, size_t size)
{
	size_t copied = 0;

	while (copied < size && f->len > 0) {
		struct slice front = fifo_front(f);
		size_t n = front.len < size - copied ? front.len : size - copied;

		memcpy(out + copied, front.at, n);
		copied += n;
		fifo_take(f, blocks, n);
	}
	return copied;
}

void
fifo_drop(struct fifo *f, struct slab *blocks)
{
	fifo_take(f, blocks, f->len);
}
