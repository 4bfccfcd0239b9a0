// SPDX-License-Identifier: Apache-2.0
#include "proxy/acceptor.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/stat.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/socket.h"
#include "net/tls_server.h"
#include "proxy/client.h"
#include "proxy/worker_state.h"
#include "steer/table.h"

enum {
	ACCEPTS_PER_TURN = 64,
	PAUSE_MS = 100,  /* after EMFILE and kin */
	DEAF_MS = 1000,  /* until a socket that does not listen is told to once more */
	SPARE_FDS = 128, /* for everything that is no client or endpoint */
};

/* One socket this worker accepts on. */
struct place {
	struct acceptor *acceptor;
	struct listener *listener;        /* counted */
	const struct conf_listener *conf; /* in the worker's table */
	struct event event;
	bool listening;
	bool deaf;  /* its socket does not listen: told to in vain, or ended from outside (ss -K) */
	bool named; /* by the table that comes next */
};

struct acceptor {
	struct worker *worker;
	struct place **places;
	unsigned count;
	struct timer pause, retry;
	bool paused;
	bool full;            /* at the limit on clients */
	uint32_t max_clients; /* of this worker, by descriptors */
};

static void on_acceptable(evutil_socket_t, short what, void *arg);

/* Each client may need a connection to an endpoint too. */
static uint32_t
clients_by_descriptors(const struct worker *w)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT32_MAX;
	if (limit.rlim_cur <= 2 * SPARE_FDS)
		return 1 + (uint32_t)(limit.rlim_cur / 4 / w->setup.count);
	return (uint32_t)((limit.rlim_cur - SPARE_FDS) / 2 / w->setup.count);
}

struct acceptor *
acceptor_new(struct worker *w)
{
	struct acceptor *a = mem_new(sizeof *a);

	a->worker = w;
	a->max_clients = clients_by_descriptors(w);
	return a;
}

static uint32_t
max_clients(const struct acceptor *a)
{
	uint32_t configured = a->worker->limits.max_connections / a->worker->setup.count;

	if (configured == 0)
		configured = 1;
	return configured < a->max_clients ? configured : a->max_clients;
}

static void
listen_on(struct place *p, bool on)
{
	if (on == p->listening)
		return;
	p->listening = on;
	if (on)
		event_add(&p->event, NULL);
	else
		event_del(&p->event);
}

static void
listen_on_all(struct acceptor *a)
{
	bool on = !a->paused && !a->full && a->worker->pressure < PRESSURE_STOP;

	for (unsigned i = 0; i < a->count; i++)
		listen_on(a->places[i], on && !a->places[i]->deaf);
}

static void on_retry(void *arg);

/* Accepting there would fail at once, again and again, without anybody being there. */
static void
note_deaf(struct place *p)
{
	struct acceptor *a = p->acceptor;

	p->deaf = true;
	if (!timer_running(&a->retry))
		timer_start(a->worker->loop->timers, &a->retry, DEAF_MS, on_retry, a);
}

static bool
is_heard(const struct place *p)
{
	return socket_listens(atomic_load_explicit(
	    &p->listener->fds[p->acceptor->worker->setup.index], memory_order_relaxed));
}

static void
on_retry(void *arg)
{
	struct acceptor *a = arg;

	for (unsigned i = 0; i < a->count; i++) {
		struct place *p = a->places[i];

		if (!p->deaf)
			continue;
		listener_listen_again(p->listener, a->worker->setup.index);
		p->deaf = false;
		if (!is_heard(p))
			note_deaf(p);
		else
			log_warn("%s did not listen; it does again", p->listener->text);
	}
	listen_on_all(a);
}

void
acceptor_look(struct acceptor *a)
{
	listen_on_all(a);
}

static void
on_pause_over(void *arg)
{
	struct acceptor *a = arg;

	a->paused = false;
	listen_on_all(a);
}

/* Out of descriptors or memory: the queue waits in the kernel until some are free again. */
static void
pause_accepting(struct acceptor *a, int err)
{
	static struct log_limit limit;

	log_limited(
	    &limit, LOG_LEVEL_WARN, "accept: %s; pausing for %d ms", strerror(err), PAUSE_MS);
	stat_add(&a->worker->stats.accept_pauses, 1);
	a->paused = true;
	listen_on_all(a);
	timer_start(a->worker->loop->timers, &a->pause, PAUSE_MS, on_pause_over, a);
}

static void
take(struct place *p, int fd, const struct sockaddr *peer)
{
	struct worker *w = p->acceptor->worker;
	uint32_t others =
	    atomic_fetch_add_explicit(&p->listener->connections, 1, memory_order_relaxed);

	if (p->conf->max_connections > 0 && others >= p->conf->max_connections) {
		atomic_fetch_sub_explicit(&p->listener->connections, 1, memory_order_relaxed);
		socket_reset_at_close(fd);
		close(fd);
		stat_add(&w->stats.refused, 1);
		return;
	}
	listener_ref(p->listener);
	stat_add(&w->stats.accepted, 1);
	client_accept(w, p->listener, p->conf, fd, peer);
}

/* Accepts up to most; false: accepting must pause, or nobody is there. */
static bool
accept_some(struct place *p, int most)
{
	struct acceptor *a = p->acceptor;
	int listening =
	    atomic_load_explicit(&p->listener->fds[a->worker->setup.index], memory_order_relaxed);
	bool took = false;

	for (int i = 0; i < most; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof peer;
		int fd;

		if (a->worker->client_count >= max_clients(a)) {
			a->full = true;
			listen_on_all(a);
			return false;
		}
		fd = accept4(
		    listening, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take(p, fd, (const struct sockaddr *)&peer);
			took = true;
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			pause_accepting(a, errno);
			return false;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return false;
		if (errno == EINVAL) {
			note_deaf(p);
			listen_on(p, false);
			return false;
		}
		/* ECONNABORTED and kin concern one client only. */
	}
	return took;
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	const struct place *p = arg;

	loop_enter(p->acceptor->worker->loop);
	accept_some(arg, ACCEPTS_PER_TURN);
	loop_leave();
}

static struct place *
find(struct acceptor *a, const struct listener *l)
{
	for (unsigned i = 0; i < a->count; i++)
		if (a->places[i]->listener == l)
			return a->places[i];
	return NULL;
}

static struct place *
add(struct acceptor *a, struct listener *l)
{
	struct worker *w = a->worker;
	struct place *p = mem_new(sizeof *p);

	p->acceptor = a;
	p->listener = l;
	listener_ref(l);
	listener_listen(l, w->setup.index);
	event_assign(&p->event, w->loop->base,
	    atomic_load_explicit(&l->fds[w->setup.index], memory_order_relaxed),
	    EV_READ | EV_PERSIST, on_acceptable, p);
	a->places = mem_resize(a->places, (a->count + 1) * sizeof(struct place *));
	a->places[a->count++] = p;
	if (!is_heard(p))
		note_deaf(p);
	return p;
}

/* Closing a listening socket resets whom it has not accepted yet: take them in first. */
static void
close_place(struct place *p)
{
	struct worker *w = p->acceptor->worker;
	int fd;

	while (accept_some(p, ACCEPTS_PER_TURN))
		continue;
	listen_on(p, false);
	fd = atomic_exchange_explicit(&p->listener->fds[w->setup.index], -1, memory_order_relaxed);
	if (fd >= 0)
		close(fd);
	/* Who came by it finishes what is under way, and comes again by another one. */
	list_for_safe (node, &w->clients) {
		struct client *c = container_of(node, struct client, node);

		if (c->listener == p->listener)
			client_drain(c);
	}
	listener_unref(p->listener);
	mem_free(p);
}

/* They leave the list before the first is closed: taking its clients in may pause the others. */
static void
close_from(struct acceptor *a, unsigned first)
{
	unsigned count = a->count;

	a->count = first;
	for (unsigned i = first; i < count; i++)
		close_place(a->places[i]);
}

/* Moves the places that are named in front; returns how many. */
static unsigned
sort_by_name(struct acceptor *a)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < a->count; i++) {
		struct place *p = a->places[i];

		if (!p->named)
			continue;
		a->places[i] = a->places[kept];
		a->places[kept++] = p;
	}
	return kept;
}

void
acceptor_leave(struct acceptor *a, const struct table *next)
{
	const struct listener_set *set = next->listeners;

	if (set == NULL)
		return;
	for (unsigned i = 0; i < a->count; i++)
		a->places[i]->named = false;
	for (unsigned i = 0; i < set->count; i++) {
		struct place *p = find(a, set->listeners[i]);

		if (p != NULL)
			p->named = true;
	}
	close_from(a, sort_by_name(a));
}

void
acceptor_adopt(struct acceptor *a)
{
	const struct table *t = a->worker->table;
	const struct listener_set *set = t->listeners;

	if (a->worker->draining || set == NULL)
		return;
	for (unsigned i = 0; i < set->count; i++) {
		struct place *p = find(a, set->listeners[i]);

		if (p == NULL)
			p = add(a, set->listeners[i]);
		p->conf = &t->topology->listeners[i];
	}
	a->full = false; /* by the new limit it may not be */
	listen_on_all(a);
}

void
acceptor_stop(struct acceptor *a)
{
	close_from(a, 0);
	timer_stop(&a->pause);
	timer_stop(&a->retry);
}

void
acceptor_client_gone(struct acceptor *a)
{
	if (!a->full || a->worker->client_count >= max_clients(a))
		return;
	a->full = false;
	listen_on_all(a);
}

void
acceptor_free(struct acceptor *a)
{
	acceptor_stop(a);
	mem_free(a->places);
	mem_free(a);
}
