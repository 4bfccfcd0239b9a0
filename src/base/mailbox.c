/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

struct mailbox {
	_Atomic(void *) slot;
	int fd;
};

struct mailbox *
mailbox_new(void)
{
	struct mailbox *m = mem_new(sizeof *m);

	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0) {
		log_error("cannot make an eventfd: %m");
		abort();
	}
	return m;
}

void
mailbox_free(struct mailbox *m)
{
	if (m == NULL)
		return;
	assert(atomic_load(&m->slot) == NULL);
	close(m->fd);
	mem_free(m);
}

int
mailbox_fd(const struct mailbox *m)
{
	return m->fd;
}

/* EAGAIN says that the counter is full, and then the fd is readable: as good as done. */
static void
wake(int fd)
{
	static const uint64_t one = 1;
	ssize_t n;

	do
		n = write(fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
	assert(n == sizeof one || errno == EAGAIN);
}

void *
mailbox_post(struct mailbox *m, void *p)
{
	void *untaken;

	assert(p != NULL);
	/* Acquire as well: what comes back may have been filled by another poster. */
	untaken = atomic_exchange_explicit(&m->slot, p, memory_order_acq_rel);
	wake(m->fd);
	return untaken;
}

/*
 * The eventfd is cleared first: a post between the two steps is then taken now and wakes once
 * for nothing, whereas the other way round its wake-up would be lost.
 */
void *
mailbox_take(struct mailbox *m)
{
	uint64_t posts;
	ssize_t n;

	do
		n = read(m->fd, &posts, sizeof posts);
	while (n < 0 && errno == EINTR);
	assert(n == sizeof posts || errno == EAGAIN);
	return atomic_exchange_explicit(&m->slot, NULL, memory_order_acquire);
}
