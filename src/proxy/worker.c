// SPDX-License-Identifier: Apache-2.0
#include "proxy/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cache.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/regex.h"
#include "base/slab.h"
#include "base/stat.h"
#include "base/thread.h"
#include "net/splice.h"
#include "net/tls_server.h"
#include "proxy/acceptor.h"
#include "proxy/client.h"
#include "proxy/client_h2.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"
#include "proxy/gzip.h"
#include "proxy/hold.h"
#include "proxy/lasting.h"
#include "proxy/mirror.h"
#include "proxy/penalty.h"
#include "proxy/pool.h"
#include "proxy/service.h"
#include "proxy/tunnel.h"
#include "proxy/upkeep.h"
#include "proxy/upstream_h1.h"
#include "proxy/upstream_h2.h"
#include "proxy/upstream_raw.h"
#include "proxy/watch.h"
#include "proxy/worker_state.h"
#include "steer/table.h"

enum { KEPT_FREE = 4096 };

/* ---- what runs after the callback that asked for it ---- */

void
worker_defer(struct worker *w, struct deferred *d)
{
	if (list_linked(&d->node))
		return;
	if (list_empty(&w->deferred) && !w->deferring)
		event_active(&w->deferred_event, EV_WRITE, 0);
	list_append(&w->deferred, &d->node);
}

void
worker_undefer(struct deferred *d)
{
	list_unlink(&d->node);
}

static void
on_deferred(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval next_turn = { 0, 0 };
	struct worker *w = arg;
	struct list now;

	list_init(&now);
	w->deferring = true;
	while (!list_empty(&w->deferred)) {
		struct list *node = w->deferred.next;

		list_unlink(node);
		list_append(&now, node);
	}
	while (!list_empty(&now)) {
		struct deferred *d = container_of(now.next, struct deferred, node);

		loop_enter(w->loop);
		list_unlink(&d->node);
		d->fn(d->arg);
		loop_leave();
	}
	w->deferring = false;
	/*
	 * What they deferred in turn waits until the loop has looked at the sockets again. An event
	 * made active here would run before that; a timer, however short, runs after.
	 */
	if (!list_empty(&w->deferred))
		event_add(&w->deferred_event, &next_turn);
}

/* Eight hex digits in the bytes of the result, all of them at once. */
static uint64_t
hex_digits(uint32_t bits)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t x = bits, letters;

	x = (x << 16 | x) & 0x0000ffff0000ffff;
	x = (x << 8 | x) & 0x00ff00ff00ff00ff;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
	letters = (x + 6 * ones) >> 4 & ones; /* 1 where a digit is 10 and above */
	return x + '0' * ones + letters * ('a' - '0' - 10);
}

void
worker_request_id(struct worker *w, char id[WORKER_REQUEST_ID])
{
	for (unsigned i = 0; i < WORKER_REQUEST_ID; i += 16) {
		uint64_t r = rng_next(&w->rng);
		uint64_t digits[2] = { hex_digits((uint32_t)r), hex_digits((uint32_t)(r >> 32)) };

		memcpy(id + i, digits, sizeof digits);
	}
}

uint32_t
worker_spread_ms(struct worker *w, uint32_t ms)
{
	return ms + ms / 10 / 16 * rng_below(&w->rng, 16);
}

struct slice
worker_date(struct worker *w)
{
	uint64_t wall_us = clock_wall_us();

	if (wall_us / 1000000 != w->date_s) {
		w->date_s = wall_us / 1000000;
		clock_format_http(wall_us, w->date, sizeof w->date);
	}
	return slice_of(w->date);
}

/* ---- tables ---- */

static void
forget_tls(struct worker *w)
{
	for (unsigned i = 0; i < w->tls_count; i++)
		if (w->tls[i] != NULL)
			tls_server_free(w->tls[i]);
	mem_free(w->tls);
	w->tls = NULL;
	w->tls_count = 0;
}

static void
adopt_limits(struct worker *w, const struct topology *t)
{
	static const enum h1_underscores underscores[] = { [UNDERSCORE_DROP] = UNDERSCORES_DROP,
		[UNDERSCORE_KEEP] = UNDERSCORES_KEEP,
		[UNDERSCORE_REFUSE] = UNDERSCORES_REFUSE };

	w->limits = t->client;
	w->h1_limits.line_bytes = t->client.request_line_bytes;
	w->h1_limits.field_bytes = t->client.header_line_bytes;
	w->h1_limits.head_bytes = t->client.header_bytes;
	w->h1_limits.underscores = underscores[t->client.underscores];
	w->h1_limits.fields =
	    t->client.header_fields < HEAD_MAX_FIELDS ? t->client.header_fields : HEAD_MAX_FIELDS;
}

/* Between two turns of the loop, so that no callback holds a pointer into the old one. */
static void
on_table(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct table *old = w->table;
	struct table *t = mailbox_take(w->tables);
	bool changed;

	if (t == NULL)
		return;
	changed = w->tls_topology != t->topology;
	if (changed)
		adopt_limits(w, t->topology);
	acceptor_leave(w->acceptor, t);
	w->table = t;
	w->generation++;
	if (changed) {
		hold_retire(w->hold);
		w->hold = hold_new(t->topology);
		forget_tls(w);
		w->tls_topology = t->topology;
		w->tls_count = t->topology->tls_count;
		w->tls = mem_array(w->tls_count, sizeof(struct tls_server *));
	}
	services_adopt(w->services, t);
	pool_adopt(w->pool);
	acceptor_adopt(w->acceptor);
	if (old != NULL)
		table_release(old);
}

struct tls_server *
worker_tls(struct worker *w, const struct conf_tls *conf)
{
	size_t i = (size_t)(conf - w->table->topology->tls);

	if (w->tls[i] == NULL) {
		w->tls[i] = tls_server_new(conf, w->setup.ticket_seed);
		/* A reload must not fail those who are about to say hello. */
		tls_server_pin(w->tls[i], w->table->topology);
	}
	return w->tls[i];
}

void
worker_publish(struct worker *w, struct table *t)
{
	struct table *displaced = mailbox_post(w->tables, t);

	if (displaced != NULL)
		table_release(displaced);
}

/* ---- drain and stop ---- */

void
worker_client_gone(struct worker *w)
{
	acceptor_client_gone(w->acceptor);
	if (w->draining && w->client_count == 0)
		atomic_store_explicit(&w->idle, true, memory_order_release);
}

static void
begin_drain(struct worker *w)
{
	w->draining = true;
	acceptor_stop(w->acceptor);
	list_for (node, &w->clients)
		client_drain(container_of(node, struct client, node));
	worker_client_gone(w);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t count;
	enum pressure pressure;

	if (read(w->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		log_error("worker %u: eventfd: %s", w->setup.index, strerror(errno));
	pressure = atomic_load_explicit(&w->pressure_wanted, memory_order_relaxed);
	if (pressure != w->pressure)
		pressure_feel(w, pressure);
	if (atomic_load_explicit(&w->drain_wanted, memory_order_acquire) && !w->draining)
		begin_drain(w);
	if (atomic_exchange_explicit(&w->end_tunnels_wanted, false, memory_order_acquire))
		tunnels_end(w);
	if (atomic_load_explicit(&w->stop_wanted, memory_order_acquire))
		loop_stop(w->loop);
}

static void
nudge(struct worker *w)
{
	uint64_t one = 1;

	if (write(w->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("worker %u: eventfd: %s", w->setup.index, strerror(errno));
}

static void
wake(struct worker *w, atomic_bool *wish)
{
	atomic_store_explicit(wish, true, memory_order_release);
	nudge(w);
}

void
worker_press(struct worker *w, enum pressure pressure)
{
	atomic_store_explicit(&w->pressure_wanted, pressure, memory_order_relaxed);
	nudge(w);
}

void
worker_end_tunnels(struct worker *w)
{
	wake(w, &w->end_tunnels_wanted);
}

void
worker_drain(struct worker *w)
{
	wake(w, &w->drain_wanted);
}

bool
worker_is_idle(const struct worker *w)
{
	return atomic_load_explicit(&w->idle, memory_order_acquire);
}

void
worker_stop(struct worker *w)
{
	wake(w, &w->stop_wanted);
}

/* ---- the thread ---- */

static void
open_parts(struct worker *w)
{
	uint64_t seed;

	w->loop = loop_new();
	list_init(&w->deferred);
	list_init(&w->clients);
	list_init(&w->stalled);
	w->client_slab = slab_new(client_block_size(), KEPT_FREE);
	w->h2_memory = cache_new();
	w->h2 = client_h2_shared_new();
	w->exchange_slab = slab_new(sizeof(struct exchange), KEPT_FREE);
	w->pipes = splice_pool_new();
	w->raw_slab = slab_new(sizeof(struct upstream_raw), KEPT_FREE);
	w->upstream_slab = slab_new(sizeof(struct upstream_h1), KEPT_FREE);
	w->upstream_h2_slab = slab_new(sizeof(struct upstream_h2), KEPT_FREE);
	w->stream_slab = slab_new(sizeof(struct upstream_stream), KEPT_FREE);
	w->head = mem_raw(WORKER_HEAD);
	w->edits = mem_new(sizeof *w->edits);
	w->gzips = gzip_pool_new();
	w->regex = regex_scratch_new();
	w->services = services_new(w->setup.index, w->setup.loop_seed);
	w->pool = pool_new(w);
	watch_open(w);
	lasting_open(w);
	mirrors_open(w);
	penalties_open(w);
	upkeep_start(w);
	w->acceptor = acceptor_new(w);
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = clock_now_us() + w->setup.index;
	rng_seed(&w->rng, seed);

	event_assign(&w->tables_event, w->loop->base, mailbox_fd(w->tables), EV_READ | EV_PERSIST,
	    on_table, w);
	event_add(&w->tables_event, NULL);
	event_assign(&w->wake_event, w->loop->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
	event_add(&w->wake_event, NULL);
	event_assign(&w->deferred_event, w->loop->base, -1, 0, on_deferred, w);
}

static void
close_parts(struct worker *w)
{
	acceptor_stop(w->acceptor);
	w->draining = true; /* nothing goes back to a pool */
	list_for_safe (node, &w->clients)
		client_close(container_of(node, struct client, node));
	mirrors_close(w);
	upkeep_stop(w);
	watch_close(w);
	lasting_close(w);
	penalties_close(w);
	pool_free(w->pool);
	services_free(w->services);
	acceptor_free(w->acceptor);
	forget_tls(w);
	if (w->table != NULL)
		table_release(w->table);
	w->table = mailbox_take(w->tables);
	if (w->table != NULL)
		table_release(w->table);
	event_del(&w->tables_event);
	event_del(&w->wake_event);
	event_del(&w->deferred_event);
	slab_free(w->client_slab);
	client_h2_shared_free(w->h2);
	cache_free(w->h2_memory);
	slab_free(w->exchange_slab);
	slab_free(w->mirror_slab);
	slab_free(w->upstream_slab);
	slab_free(w->upstream_h2_slab);
	slab_free(w->stream_slab);
	slab_free(w->raw_slab);
	splice_pool_free(w->pipes);
	mem_free(w->head);
	mem_free(w->edits);
	basic_auth_free(w->auth);
	gzip_pool_free(w->gzips);
	regex_scratch_free(w->regex);
	mem_free(w->frames);
	hold_retire(w->hold);
	loop_free(w->loop);
}

static void *
run(void *arg)
{
	struct worker *w = arg;

	atomic_store_explicit(&w->thread_id, (int)syscall(SYS_gettid), memory_order_relaxed);
	mem_count_into(&w->stats.allocations);
	open_parts(w);
	loop_run(w->loop, &w->stats.stalls);
	close_parts(w);
	return NULL;
}

struct worker *
worker_new(const struct worker_setup *setup)
{
	struct worker *w = mem_lines(sizeof *w);

	w->setup = *setup;
	w->tables = mailbox_new();
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return w;
}

bool
worker_start(struct worker *w, struct error *e)
{
	char name[16];
	int err;

	snprintf(name, sizeof name, "worker-%u", w->setup.index);
	err = thread_start(&w->thread, name, run, w);
	if (err != 0) {
		error_set(e, "cannot start worker %u: %s", w->setup.index, strerror(err));
		return false;
	}
	w->started = true;
	return true;
}

void
worker_free(struct worker *w)
{
	struct table *t;

	if (w->started) {
		worker_stop(w);
		pthread_join(w->thread, NULL);
	}
	t = mailbox_take(w->tables);
	if (t != NULL)
		table_release(t);
	mailbox_free(w->tables);
	close(w->wake_fd);
	mem_free(w);
}

const struct worker_stats *
worker_stats(const struct worker *w)
{
	return &w->stats;
}

int
worker_thread_id(const struct worker *w)
{
	return atomic_load_explicit(&w->thread_id, memory_order_relaxed);
}
