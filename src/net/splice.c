/* SPDX-License-Identifier: Apache-2.0 */
#include "net/splice.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/stream_parts.h"

enum {
	KEPT = 32, /* empty pipes: two descriptors and a page table each */
	PIPE_BYTES = 256 * 1024,
	PIECE = 1024 * 1024, /* more than any pipe holds */
};

struct splice_pipe {
	struct list node; /* in the pool's */
	int in, out;
	size_t held;
};

struct splice_pool {
	struct list kept;
	unsigned count;
};

struct splice_pool *
splice_pool_new(void)
{
	struct splice_pool *pool = mem_new(sizeof *pool);

	list_init(&pool->kept);
	return pool;
}

static void
pipe_free(struct splice_pipe *p)
{
	close(p->in);
	close(p->out);
	mem_free(p);
}

void
splice_pool_free(struct splice_pool *pool)
{
	list_for_safe (node, &pool->kept)
		pipe_free(container_of(node, struct splice_pipe, node));
	mem_free(pool);
}

static struct splice_pipe *
pipe_new(void)
{
	struct splice_pipe *p;
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return NULL;
	/* Beyond the user's limit on pipes it stays as small as it is, and works. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	p = mem_new(sizeof *p);
	p->out = fds[0];
	p->in = fds[1];
	return p;
}

struct splice_pipe *
splice_take(struct splice_pool *pool)
{
	struct splice_pipe *p;

	if (list_empty(&pool->kept))
		return pipe_new();
	p = container_of(pool->kept.next, struct splice_pipe, node);
	list_unlink(&p->node);
	pool->count--;
	return p;
}

void
splice_give(struct splice_pool *pool, struct splice_pipe *p)
{
	if (p->held > 0 || pool->count == KEPT) {
		pipe_free(p);
		return;
	}
	list_prepend(&pool->kept, &p->node);
	pool->count++;
}

bool
splice_may(const struct stream *from, const struct stream *to)
{
	return from->phase == STREAM_OPEN && from->ssl == NULL && from->unread == NULL &&
	    from->end == STREAM_WAIT && to->phase == STREAM_OPEN && to->ssl == NULL &&
	    stream_is_drained(to);
}

ssize_t
splice_in(struct splice_pipe *p, struct stream *from)
{
	ssize_t n;

	assert(p->held == 0);
	do {
		n = splice(from->fd, NULL, p->in, NULL, PIECE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		p->held = (size_t)n;
		from->bytes_in += (uint64_t)n;
		return n;
	}
	return stream_read_ended(from, n);
}

bool
splice_out(struct splice_pipe *p, struct stream *to)
{
	while (p->held > 0 && !to->write_failed) {
		ssize_t n =
		    splice(p->out, NULL, to->fd, NULL, p->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n > 0) {
			p->held -= (size_t)n;
			to->bytes_out += (uint64_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			stream_is_full(to);
			return false;
		} else if (n == 0 || errno != EINTR) {
			stream_fail_writing(to, fault_from_io_errno(errno));
		}
	}
	return p->held == 0;
}
