/* SPDX-License-Identifier: Apache-2.0 */
#include "control/controller.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/ring.h"
#include "base/stat.h"
#include "base/thread.h"
#include "conf/topology.h"
#include "control/desk.h"
#include "control/director.h"
#include "control/dns_names.h"
#include "control/health.h"
#include "control/memory_watch.h"
#include "control/orders.h"
#include "control/site.h"
#include "control/state.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "proxy/worker.h"
#include "steer/table.h"

enum {
	TICK_MS = 100,
	TICKS_PER_S = 1000 / TICK_MS,
	NAMES_WAIT_MS = 2000,
	PATIENCE_MS = 60000,    /* below the 90 s that systemd gives a start */
	REBUILD_GAP_MS = 100,   /* a burst of DNS answers makes one table, not hundreds */
	OTHER_HOLDERS = 2,      /* control and main */
	STATE_GAP_MS = 2000,    /* what changed is kept so soon, */
	STATE_EVERY_MS = 60000, /* and what did not so often: its age says how much it is worth */
};

struct controller {
	/* set before the thread runs */
	struct worker **workers;
	unsigned worker_count;
	struct ring **urgent;
	int urgent_fd;
	struct desk *desk;
	struct mailbox *states;
	struct loop *loop;
	struct mailbox *inbox; /* of struct orders */
	int stop_fd;
	pthread_t thread;
	bool running;

	/* the control thread's */
	struct event *inbox_event;
	struct event *urgent_event;
	struct event *desk_event;
	struct event *stop_event;
	struct event *tick_event;
	struct event *turn_event; /* made active by hand: runs once after what is going on now */
	bool turn_wanted;
	unsigned ticks;
	struct resolver *resolver; /* NULL until the first orders */
	struct endpoint_registry *endpoints;
	struct steering_registry *steerings;
	struct health_set *health;
	struct director *director;
	struct state *resumed;  /* until the first table */
	uint64_t saved_ms;      /* when a snapshot was last posted */
	uint64_t saved_changes; /* of what it tells, by then */
	struct orders *pending; /* waiting for their names */
	struct dns_names *pending_names;
	uint64_t pending_since_ms;
	bool patient;
	struct orders *current;
	struct dns_names *names;
	struct sites *sites;
	struct table *table; /* control's hold on the newest one */
	bool names_changed;
	uint64_t built_ms;
	struct memory_watch memory;

	/* between control and main */
	_Atomic(struct table *) for_main; /* main's hold on the newest one, not taken yet */
	atomic_bool ready;
	struct controller_stats stats;

	struct table *mains; /* main's: taken, held until its next call */
};

static void
want_turn(void *arg)
{
	struct controller *c = arg;

	if (c->turn_wanted)
		return;
	c->turn_wanted = true;
	event_active(c->turn_event, EV_TIMEOUT, 0);
}

static void
on_verdict(void *arg, const struct endpoint *e, const struct check_track *track)
{
	struct controller *c = arg;

	director_probe(c->director, e, track);
}

static void
on_unreachable(void *arg, const struct endpoint *e)
{
	struct controller *c = arg;

	dns_names_hurry(c->names, e->host);
}

static void
on_names_changed(void *arg, struct resolver_name *name)
{
	struct controller *c = arg;

	c->names_changed = true;
	want_turn(c);
}

static void
free_listeners(void *listeners)
{
	listener_set_unref(listeners);
}

static void
publish(struct controller *c, struct table *t)
{
	struct table *untaken;

	for (unsigned i = 0; i < c->worker_count; i++)
		worker_publish(c->workers[i], t);
	untaken = atomic_exchange_explicit(&c->for_main, t, memory_order_acq_rel);
	if (untaken != NULL)
		table_release(untaken);
	if (c->table != NULL)
		table_release(c->table);
	c->table = t;
	stat_add(&c->stats.tables_built, 1);
	atomic_store_explicit(&c->ready, true, memory_order_release);
}

/* Sites are new with new orders, the same after a mere DNS answer. */
static void
rebuild(struct controller *c, struct sites *sites)
{
	struct table *t = table_build(c->current->topology, c->table, c->endpoints, c->steerings,
	    dns_names_resolve, c->names, c->worker_count + OTHER_HOLDERS);

	if (c->current->listeners != NULL) {
		listener_set_ref(c->current->listeners);
		t->listeners = c->current->listeners;
		t->listeners_free = free_listeners;
	}
	director_adopt(c->director, t);
	health_set_adopt(c->health, t, sites);
	director_settle(c->director);
	publish(c, t);
	state_free(c->resumed);
	c->resumed = NULL;
	health_set_retire(c->health);
	endpoint_registry_sweep(c->endpoints);
	if (c->sites != sites)
		sites_free(c->sites);
	c->sites = sites;
	c->names_changed = false;
	c->built_ms = clock_now_ms();
}

static void
drop_pending(struct controller *c)
{
	dns_names_free(c->pending_names);
	orders_free(c->pending);
	c->pending_names = NULL;
	c->pending = NULL;
}

static void
take_orders(struct controller *c, struct orders *o)
{
	const struct conf_resolver *conf = &o->topology->resolver;
	struct dns_names *superseded = c->pending_names;
	struct orders *superseded_orders = c->pending;

	if (c->resolver == NULL)
		c->resolver = resolver_new(c->loop, conf, on_names_changed, c);
	else
		resolver_configure(c->resolver, conf);
	c->pending = o;
	c->pending_names = dns_names_new(c->resolver, o->topology);
	if (c->resumed != NULL)
		dns_names_seed(c->pending_names, c->resumed);
	c->pending_since_ms = clock_now_ms();
	/* After the new ones watch: names in both stay known. */
	dns_names_free(superseded);
	orders_free(superseded_orders);
	want_turn(c);
}

static void
adopt_pending(struct controller *c)
{
	struct dns_names *old_names = c->names;
	struct orders *old = c->current;

	if (!dns_names_settled(c->pending_names))
		log_warn("not all names have been resolved in time: serving without them");
	c->names = c->pending_names;
	c->current = c->pending;
	c->pending_names = NULL;
	c->pending = NULL;
	rebuild(c, sites_new(c->current->topology));
	dns_names_free(old_names);
	orders_free(old);
}

/* While somebody else serves with the addresses that names had, we don't begin without any. */
static bool
waited_enough(const struct controller *c, uint64_t now_ms)
{
	uint64_t waited_ms = now_ms - c->pending_since_ms;

	if (c->patient && c->table == NULL && waited_ms < PATIENCE_MS &&
	    !dns_names_known(c->pending_names))
		return false;
	return waited_ms >= NAMES_WAIT_MS || dns_names_settled(c->pending_names);
}

/* What is to be done about the world as it is now: at most one new table. */
static void
decide(struct controller *c, uint64_t now_ms)
{
	if (c->pending != NULL && waited_enough(c, now_ms))
		adopt_pending(c);
	else if (c->names_changed && c->table != NULL && now_ms - c->built_ms >= REBUILD_GAP_MS)
		rebuild(c, c->sites);
	director_settle(c->director);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	c->turn_wanted = false;
	decide(c, clock_now_ms());
}

static uint64_t
load(const atomic_ullong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* A snapshot for main to keep. One it did not take yet is out of date. */
static void
save_state(struct controller *c)
{
	struct state *state;

	if (c->states == NULL || c->table == NULL)
		return;
	state = state_new(clock_wall_us() / 1000);
	director_save(c->director, state);
	health_set_save(c->health, state);
	dns_names_save(c->names, state);
	state_free(mailbox_post(c->states, state));
}

static void
save_changes(struct controller *c, uint64_t now_ms)
{
	uint64_t changes = load(&c->stats.verdict_changes) + load(&c->stats.share_changes) +
	    load(&c->stats.tables_built);

	if (now_ms - c->saved_ms < (changes != c->saved_changes ? STATE_GAP_MS : STATE_EVERY_MS))
		return;
	c->saved_ms = now_ms;
	c->saved_changes = changes;
	save_state(c);
}

static void
watch_memory(struct controller *c)
{
	const struct conf_memory *conf;

	if (c->current == NULL)
		return;
	conf = &c->current->topology->memory;
	atomic_store_explicit(&c->stats.memory_limit, conf->limit_bytes, memory_order_relaxed);
	if (!memory_watch_look(&c->memory, conf))
		return;
	atomic_store_explicit(&c->stats.memory_pressure, c->memory.level, memory_order_relaxed);
	for (unsigned i = 0; i < c->worker_count; i++)
		worker_press(c->workers[i], c->memory.level);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;
	uint64_t began_us = clock_now_us();
	uint64_t spent_us;

	director_tick(c->director);
	watch_memory(c);
	decide(c, began_us / 1000);
	if (++c->ticks % TICKS_PER_S == 0 && c->table != NULL) {
		health_set_tick(c->health);
		save_changes(c, began_us / 1000);
		endpoint_registry_sweep(c->endpoints);
		atomic_store_explicit(
		    &c->stats.dns_failing, dns_names_failing(c->names), memory_order_relaxed);
	}
	spent_us = clock_now_us() - began_us;
	stat_add(&c->stats.ticks, 1);
	stat_add(&c->stats.tick_us, spent_us);
	if (spent_us > atomic_load_explicit(&c->stats.tick_us_max, memory_order_relaxed))
		atomic_store_explicit(&c->stats.tick_us_max, spent_us, memory_order_relaxed);
}

static void
on_inbox(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;
	struct orders *o = mailbox_take(c->inbox);

	if (o != NULL)
		take_orders(c, o);
}

static void
drain_urgent(struct controller *c, struct ring *ring)
{
	const struct urgent *u;
	size_t len;

	while ((u = ring_peek(ring, &len)) != NULL) {
		assert(len == sizeof *u && u->fault < FAULT_COUNT);
		health_set_urgent(c->health, u->endpoint_id, u->fault);
		director_urgent(c->director, u);
		ring_release(ring);
	}
}

static void
on_urgent(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;
	eventfd_t count;

	/* Before the rings are read: what comes later wakes us again. */
	(void)eventfd_read(c->urgent_fd, &count);
	for (unsigned i = 0; i < c->worker_count; i++) {
		if (c->urgent[i] != NULL)
			drain_urgent(c, c->urgent[i]);
	}
}

static void
on_desk(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	director_serve(c->director);
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	save_state(c);
	loop_stop(c->loop);
}

static struct event *
watch(struct controller *c, int fd, short what, event_callback_fn fn)
{
	struct event *e = event_new(c->loop->base, fd, what, fn, c);

	if (e == NULL) {
		log_error("cannot make an event");
		abort();
	}
	return e;
}

static void
open_events(struct controller *c)
{
	struct timeval period = { .tv_usec = TICK_MS * 1000 };

	c->inbox_event = watch(c, mailbox_fd(c->inbox), EV_READ | EV_PERSIST, on_inbox);
	c->stop_event = watch(c, c->stop_fd, EV_READ, on_stop);
	c->tick_event = watch(c, -1, EV_PERSIST, on_tick);
	c->turn_event = watch(c, -1, 0, on_turn);
	event_add(c->inbox_event, NULL);
	event_add(c->stop_event, NULL);
	event_add(c->tick_event, &period);
	if (c->urgent_fd >= 0) {
		c->urgent_event = watch(c, c->urgent_fd, EV_READ | EV_PERSIST, on_urgent);
		event_add(c->urgent_event, NULL);
	}
	if (c->desk != NULL) {
		c->desk_event = watch(c, desk_fd(c->desk), EV_READ | EV_PERSIST, on_desk);
		event_add(c->desk_event, NULL);
	}
}

static void
close_events(struct controller *c)
{
	event_free(c->inbox_event);
	event_free(c->stop_event);
	event_free(c->tick_event);
	event_free(c->turn_event);
	if (c->urgent_event != NULL)
		event_free(c->urgent_event);
	if (c->desk_event != NULL)
		event_free(c->desk_event);
}

struct controller *
controller_new(const struct controller_setup *setup)
{
	struct controller *c = mem_new(sizeof *c);

	c->worker_count = setup->worker_count;
	c->workers = mem_array(setup->worker_count, sizeof(struct worker *));
	c->urgent = mem_array(setup->worker_count, sizeof(struct ring *));
	for (unsigned i = 0; i < setup->worker_count; i++) {
		c->workers[i] = setup->workers[i];
		c->urgent[i] = setup->urgent != NULL ? setup->urgent[i] : NULL;
	}
	c->urgent_fd = setup->urgent_fd;
	c->desk = setup->desk;
	c->states = setup->states;
	c->stop_fd = -1;
	c->loop = loop_new();
	c->inbox = mailbox_new();
	c->endpoints = endpoint_registry_new(setup->worker_count);
	c->steerings = steering_registry_new(setup->worker_count);
	c->health = health_set_new(&(struct health_setup){ .loop = c->loop,
	    .stats = &c->stats,
	    .verdict = on_verdict,
	    .unreachable = on_unreachable,
	    .arg = c });
	c->director = director_new(&(struct director_setup){ .stats = &c->stats,
	    .touched = setup->touched,
	    .worker_count = setup->worker_count,
	    .wanted = want_turn,
	    .lost = on_unreachable,
	    .arg = c,
	    .journal = setup->journal,
	    .desk = setup->desk });
	memory_watch_open(&c->memory);
	c->resumed = setup->resumed;
	c->patient = setup->patient;
	director_resume(c->director, c->resumed);
	health_set_resume(c->health, c->resumed);
	return c;
}

static void *
run(void *arg)
{
	struct controller *c = arg;

	loop_run(c->loop, &c->stats.stalls);
	return NULL;
}

bool
controller_start(struct controller *c, struct error *error)
{
	int err;

	assert(!c->running);
	c->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->stop_fd < 0) {
		error_errno(error, "cannot make", "an eventfd for the control thread");
		return false;
	}
	open_events(c);
	err = thread_start(&c->thread, "control", run, c);
	if (err != 0) {
		errno = err;
		error_errno(error, "cannot start", "the control thread");
		close_events(c);
		close(c->stop_fd);
		c->stop_fd = -1;
		return false;
	}
	c->running = true;
	return true;
}

void
controller_apply(struct controller *c, struct topology *topology, struct listener_set *listeners)
{
	orders_free(mailbox_post(c->inbox, orders_new(topology, listeners)));
}

const struct table *
controller_table(struct controller *c)
{
	struct table *newest = atomic_exchange_explicit(&c->for_main, NULL, memory_order_acq_rel);

	if (newest == NULL)
		return c->mains;
	if (c->mains != NULL)
		table_release(c->mains);
	c->mains = newest;
	return newest;
}

bool
controller_ready(const struct controller *c)
{
	return atomic_load_explicit(&c->ready, memory_order_acquire);
}

const struct controller_stats *
controller_stats(const struct controller *c)
{
	return &c->stats;
}

void
controller_stop(struct controller *c)
{
	if (!c->running)
		return;
	eventfd_write(c->stop_fd, 1);
	pthread_join(c->thread, NULL);
	c->running = false;
	close_events(c);
	close(c->stop_fd);
	c->stop_fd = -1;
}

static void
release_tables(struct controller *c)
{
	struct table *untaken = atomic_exchange(&c->for_main, NULL);

	if (untaken != NULL)
		table_release(untaken);
	if (c->mains != NULL)
		table_release(c->mains);
	if (c->table != NULL)
		table_release(c->table);
}

void
controller_free(struct controller *c)
{
	if (c == NULL)
		return;
	controller_stop(c);
	orders_free(mailbox_take(c->inbox));
	mailbox_free(c->inbox);
	drop_pending(c);
	health_set_free(c->health);
	director_free(c->director);
	state_free(c->resumed);
	release_tables(c);
	sites_free(c->sites);
	dns_names_free(c->names);
	orders_free(c->current);
	if (c->resolver != NULL)
		resolver_free(c->resolver);
	endpoint_registry_free(c->endpoints);
	steering_registry_free(c->steerings);
	loop_free(c->loop);
	memory_watch_close(&c->memory);
	mem_free(c->workers);
	mem_free(c->urgent);
	mem_free(c);
}
