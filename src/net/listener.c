/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/socket.h"

static struct listener *
listener_new(const char *text, unsigned workers)
{
	struct listener *l = mem_new(sizeof *l + workers * sizeof l->fds[0]);

	l->text = mem_strdup(text);
	atomic_init(&l->refs, 1);
	atomic_init(&l->connections, 0);
	atomic_init(&l->arrived, true);
	l->workers = workers;
	for (unsigned i = 0; i < workers; i++)
		atomic_init(&l->fds[i], -1);
	return l;
}

/*
 * The further workers' sockets. IP: own ones, at the address the first one got (the configured
 * port may be 0). Unix: copies of the one there is, for SO_REUSEPORT does not know them.
 */
static bool
open_others(struct listener *l, const struct conf_listener *c, struct error *e)
{
	int first = atomic_load_explicit(&l->fds[0], memory_order_relaxed);
	struct conf_address bound = { .len = sizeof bound.addr, .text = c->bind.text };
	bool elsewhere;

	if (getsockname(first, (struct sockaddr *)&bound.addr, &bound.len) < 0) {
		error_errno(e, "reading the address of", c->bind.text);
		return false;
	}
	for (unsigned i = 1; i < l->workers; i++) {
		int fd;

		if (bound.addr.ss_family != AF_UNIX) {
			fd = socket_listen_later(&bound, c->backlog, &elsewhere, e);
		} else {
			fd = fcntl(first, F_DUPFD_CLOEXEC, 0);
			if (fd < 0)
				error_errno(e, "copying the socket of", c->bind.text);
		}
		if (fd < 0)
			return false;
		atomic_store_explicit(&l->fds[i], fd, memory_order_relaxed);
	}
	return true;
}

static struct listener *
listener_open(const struct conf_listener *c, unsigned workers, struct error *e)
{
	bool elsewhere;
	int first = socket_listen_later(&c->bind, c->backlog, &elsewhere, e);
	struct listener *l;

	if (first < 0)
		return NULL;
	l = listener_new(c->bind.text, workers);
	l->backlog = c->backlog;
	if (elsewhere) {
		l->elsewhere = mem_new(sizeof *l->elsewhere);
		*l->elsewhere = c->bind;
		l->elsewhere->text = l->text;
		atomic_store_explicit(&l->arrived, false, memory_order_relaxed);
	}
	atomic_store_explicit(&l->fds[0], first, memory_order_relaxed);
	if (!open_others(l, c, e)) {
		listener_unref(l);
		return NULL;
	}
	return l;
}

static struct listener *
find(const struct listener_set *set, const char *text, unsigned workers)
{
	for (unsigned i = 0; set != NULL && i < set->count; i++)
		if (set->listeners[i]->workers == workers &&
		    strcmp(set->listeners[i]->text, text) == 0)
			return set->listeners[i];
	return NULL;
}

struct listener_set *
listener_set_open(
    const struct topology *t, const struct listener_set *old, unsigned workers, struct error *e)
{
	struct listener_set *set = mem_new(sizeof *set);

	atomic_init(&set->refs, 1);
	set->listeners = mem_array(t->listener_count, sizeof(struct listener *));
	/* Once we serve, the ports that look taken may be our own at overlapping addresses. */
	for (unsigned i = 0; old == NULL && i < t->listener_count; i++)
		if (!socket_is_free(&t->listeners[i].bind, e))
			goto fail;
	for (unsigned i = 0; i < t->listener_count; i++) {
		struct listener *l = find(old, t->listeners[i].bind.text, workers);

		if (l != NULL)
			listener_ref(l);
		else if ((l = listener_open(&t->listeners[i], workers, e)) == NULL)
			goto fail;
		set->listeners[set->count++] = l;
	}
	return set;
fail:
	listener_set_unref(set);
	return NULL;
}

bool
listener_set_listens(const struct listener_set *set)
{
	for (unsigned i = 0; i < set->count; i++) {
		const struct listener *l = set->listeners[i];

		if (!atomic_load_explicit(&l->arrived, memory_order_acquire))
			return false;
		for (unsigned worker = 0; worker < l->workers; worker++)
			if (!socket_listens(
				atomic_load_explicit(&l->fds[worker], memory_order_relaxed)))
				return false;
	}
	return true;
}

static bool
arrive(struct listener *l)
{
	if (atomic_load_explicit(&l->arrived, memory_order_relaxed))
		return true;
	if (!socket_arrive(l->elsewhere))
		return false;
	atomic_store_explicit(&l->arrived, true, memory_order_release);
	return true;
}

bool
listener_set_arrive(const struct listener_set *set, struct error *e)
{
	for (unsigned i = 0; i < set->count; i++) {
		if (!arrive(set->listeners[i])) {
			error_errno(e, "cannot replace the socket of", set->listeners[i]->text);
			return false;
		}
	}
	return true;
}

void
listener_listen(struct listener *l, unsigned worker)
{
	int fd = atomic_load_explicit(&l->fds[worker], memory_order_relaxed);

	/* the others' are copies of the first one's */
	if (worker == 0 && !arrive(l))
		log_error("cannot replace the socket of %s: %m", l->text);
	if (!socket_listens(fd) && !socket_listen_now(fd, l->backlog))
		log_error("cannot listen on %s: %m", l->text);
}

void
listener_listen_again(struct listener *l, unsigned worker)
{
	static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int fd = atomic_load_explicit(&l->fds[worker], memory_order_relaxed);

	/* It counts as shut down, and who comes by it would inherit that. */
	if (!socket_listens(fd))
		(void)connect(fd, &nobody, sizeof nobody);
	listener_listen(l, worker);
}

void
listener_set_ref(struct listener_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
}

void
listener_set_unref(struct listener_set *set)
{
	if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < set->count; i++)
		listener_unref(set->listeners[i]);
	mem_free(set->listeners);
	mem_free(set);
}

void
listener_ref(struct listener *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

/* A unix socket's file stays: by now it may be a successor's. The next start replaces it. */
void
listener_unref(struct listener *l)
{
	if (l == NULL || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < l->workers; i++) {
		int fd = atomic_load_explicit(&l->fds[i], memory_order_relaxed);

		if (fd >= 0)
			close(fd);
	}
	if (!atomic_load_explicit(&l->arrived, memory_order_relaxed))
		socket_stay_away(l->elsewhere);
	mem_free(l->elsewhere);
	mem_free(l->text);
	mem_free(l);
}

char *
listener_bound_text(const struct listener *l, char *buf, size_t size)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof addr;

	for (unsigned i = 0; i < l->workers; i++) {
		int fd = atomic_load_explicit(&l->fds[i], memory_order_relaxed);

		if (fd < 0 || getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
			continue;
		if (addr.ss_family != AF_UNIX)
			return socket_format((const struct sockaddr *)&addr, buf, size);
		break;
	}
	snprintf(buf, size, "%s", l->text);
	return buf;
}
