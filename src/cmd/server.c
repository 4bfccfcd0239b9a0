/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/server.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/ring.h"
#include "base/watchdog.h"
#include "conf/topology.h"
#include "control/admin_people.h"
#include "control/controller.h"
#include "control/desk.h"
#include "control/journal.h"
#include "control/state.h"
#include "control/state_file.h"
#include "control/view.h"
#include "control/wish_store.h"
#include "net/listener.h"
#include "proxy/access_log.h"
#include "proxy/crowd.h"
#include "proxy/pressure.h"
#include "proxy/rate_table.h"
#include "proxy/worker.h"
#include "steer/touched.h"

enum {
	URGENT_RING_BYTES = 64 * 1024,
	/* what one worker can write while the log thread rests, at 100,000 requests a second */
	ACCESS_RING_BYTES = 2 * 1024 * 1024,
};

/* Of the configuration at the start, what runs until the end whatever a reload says. */
struct at_start {
	char *user; /* NULL: stay who we are */
	char *socket;
	struct sockaddr_storage bind; /* of admin */
	socklen_t bind_len;
	enum conf_seccomp seccomp;
	bool core_dumps;
};

struct server {
	struct topology *topology; /* counted */
	struct at_start at_start;
	struct listener_set *listeners; /* counted */
	unsigned count;                 /* of workers and all that is by worker */
	struct worker **workers;
	struct ring **urgent;
	struct touched **touched;
	struct ring **access; /* NULL: the access log is off */
	struct crowd *crowd;
	struct rate_table *rates;
	int urgent_fd;
	struct access_log *access_log; /* NULL: off */
	struct controller *controller;
	struct admin_people people;
	struct mailbox *states;      /* of struct state, from control to the keeper */
	struct state_keeper *keeper; /* NULL: not started */
	struct view_worker *view_workers;
	struct event *trim;
	bool left_disk; /* to a successor */
};

static void
note_start(struct at_start *a, const struct topology *t)
{
	a->user = t->user != NULL ? mem_strdup(t->user) : NULL;
	a->socket = mem_strdup(t->admin.socket);
	a->bind = t->admin.bind.addr;
	a->bind_len = t->admin.bind.len;
	a->seccomp = t->process.seccomp;
	a->core_dumps = t->process.core_dumps;
}

static bool
open_access_log(struct server *s, struct error *error)
{
	const struct conf_log *conf = &s->topology->log;

	if (strcmp(conf->access, "off") == 0)
		return true;
	s->access = mem_array(s->count, sizeof *s->access);
	for (unsigned i = 0; i < s->count; i++)
		s->access[i] = ring_new(ACCESS_RING_BYTES);
	s->access_log = access_log_start(conf, s->access, s->count, error);
	return s->access_log != NULL;
}

struct server *
server_new(struct topology *topology, struct error *error)
{
	struct server *s = mem_new(sizeof *s);

	topology_ref(topology);
	s->topology = topology;
	note_start(&s->at_start, topology);
	s->count = topology->workers;
	s->workers = mem_array(s->count, sizeof *s->workers);
	s->urgent = mem_array(s->count, sizeof *s->urgent);
	s->touched = mem_array(s->count, sizeof *s->touched);
	s->view_workers = mem_array(s->count, sizeof *s->view_workers);
	s->states = mailbox_new();
	s->people.journal = journal_new();
	s->people.desk = desk_new();
	s->people.wishes = wish_store_new(s->people.desk, s->people.journal);
	s->urgent_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->urgent_fd < 0) {
		error_errno(error, "cannot make", "an eventfd");
		goto fail;
	}
	for (unsigned i = 0; i < s->count; i++) {
		s->urgent[i] = ring_new(URGENT_RING_BYTES);
		s->touched[i] = touched_new();
	}
	s->listeners = listener_set_open(topology, NULL, s->count, error);
	if (s->listeners == NULL)
		goto fail;
	if (!open_access_log(s, error))
		goto fail;
	return s;
fail:
	server_free(s);
	return NULL;
}

/* Made now, for whoever we are about to become may not write where it is to lie. */
static bool
give_state_dir(const char *dir, uid_t uid, gid_t gid, struct error *error)
{
	if (dir[0] == '\0')
		return true;
	if (mkdir(dir, 0750) < 0 && errno != EEXIST) {
		error_errno(error, "cannot make", dir);
		return false;
	}
	if (chown(dir, uid, gid) == 0)
		return true;
	error_errno(error, "cannot give away", dir);
	return false;
}

bool
server_give_to(struct server *s, uid_t uid, gid_t gid, struct error *error)
{
	const char *path = s->topology->log.access;

	/* whoever we are about to become may not rename there */
	if (!listener_set_arrive(s->listeners, error) ||
	    !give_state_dir(s->topology->state_dir, uid, gid, error))
		return false;
	/* a file by path is opened anew on SIGUSR1, then by the user we have become */
	if (s->access_log == NULL || strcmp(path, "stdout") == 0 || strcmp(path, "stderr") == 0)
		return true;
	if (chown(path, uid, gid) == 0)
		return true;
	error_errno(error, "cannot give away", path);
	return false;
}

/* What clients must not know or be able to aim at; false: there are no random bytes. */
static bool
give_secrets(struct worker_setup *setup)
{
	return RAND_bytes(setup->ticket_seed, sizeof setup->ticket_seed) == 1 &&
	    RAND_bytes((unsigned char *)&setup->loop_seed, sizeof setup->loop_seed) == 1 &&
	    RAND_bytes((unsigned char *)&setup->rate_seed, sizeof setup->rate_seed) == 1;
}

static bool
start_workers(struct server *s, struct error *error)
{
	struct worker_setup setup = { .count = s->count, .urgent_fd = s->urgent_fd };

	if (!give_secrets(&setup)) {
		error_set(error, "OpenSSL has no random bytes for session tickets");
		return false;
	}
	setup.crowd = s->crowd = crowd_new(setup.rate_seed);
	setup.rates = s->rates = rate_table_new();
	for (unsigned i = 0; i < s->count; i++) {
		setup.index = i;
		setup.urgent = s->urgent[i];
		setup.touched = s->touched[i];
		setup.access_log = s->access != NULL ? s->access[i] : NULL;
		s->workers[i] = worker_new(&setup);
	}
	explicit_bzero(setup.ticket_seed, sizeof setup.ticket_seed);
	for (unsigned i = 0; i < s->count; i++)
		if (!worker_start(s->workers[i], error))
			return false;
	return true;
}

/* How things were before the restart; whatever is wrong with that keeps nobody from starting. */
static struct state *
read_state(const char *dir)
{
	struct error error;
	struct state *state;

	if (dir[0] == '\0')
		return NULL;
	state = state_file_read(dir, clock_wall_us() / 1000, &error);
	if (state == NULL && error.text[0] != '\0')
		log_warn("state_dir: %s; starting without what was known before", error.text);
	else if (state == NULL)
		log_info("state_dir: nothing was kept in %s yet", dir);
	return state;
}

/* Before control starts, so that an evacuation of before the restart holds from its first moment.
 */
static void
open_people(struct server *s, struct event_base *base)
{
	journal_open(s->people.journal, base, s->topology->state_dir);
	desk_open(s->people.desk, base);
	wish_store_open(s->people.wishes, base, s->topology);
}

/* What workers gave back goes to the system; for that main has the time. */
static void
on_trim(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	const struct controller_stats *stats = controller_stats(s->controller);

	if (atomic_load_explicit(&stats->memory_pressure, memory_order_relaxed) >= PRESSURE_SHRINK)
		malloc_trim(0);
}

static void
watch_reserves(struct server *s, struct event_base *base)
{
	const struct timeval every = { 1, 0 };

	s->trim = event_new(base, -1, EV_PERSIST, on_trim, s);
	if (s->trim == NULL || event_add(s->trim, &every) != 0)
		log_error("cannot start a timer of main");
}

bool
server_start(struct server *s, struct event_base *base, bool beside, struct error *error)
{
	struct controller_setup setup = { .worker_count = s->count, .urgent_fd = s->urgent_fd };

	if (!start_workers(s, error))
		return false;
	s->keeper = state_keeper_new(base, s->states, s->topology->state_dir);
	open_people(s, base);
	setup.journal = s->people.journal;
	setup.desk = s->people.desk;
	setup.workers = s->workers;
	setup.urgent = s->urgent;
	setup.touched = s->touched;
	setup.states = s->states;
	setup.resumed = read_state(s->topology->state_dir);
	setup.patient = beside;
	s->controller = controller_new(&setup);
	if (!controller_start(s->controller, error))
		return false;
	controller_apply(s->controller, s->topology, s->listeners);
	watch_reserves(s, base);
	return true;
}

/* What is fixed at the start; the rest of the new file is applied all the same. */
static void
warn_of_restart(const struct server *s, const struct topology *new)
{
	const struct at_start *a = &s->at_start;
	bool user_same = a->user == NULL || new->user == NULL ? a->user == new->user
							      : strcmp(a->user, new->user) == 0;
	bool admin_same = a->bind_len ==
		new->admin.bind.len &&memcmp(&a->bind, &new->admin.bind.addr, a->bind_len) == 0 &&
	    strcmp(a->socket, new->admin.socket) == 0;

	if (s->count != new->workers)
		log_warn(
		    "workers = %u takes effect after a restart; %u go on", new->workers, s->count);
	if (a->seccomp != new->process.seccomp || a->core_dumps != new->process.core_dumps)
		log_warn("another process.seccomp or core_dumps takes effect after a restart");
	if (!user_same)
		log_warn("another user takes effect after a restart");
	if (!admin_same)
		log_warn("another admin address takes effect after a restart");
	if (s->access_log == NULL && strcmp(new->log.access, "off") != 0)
		log_warn("the access log was off at the start; it is switched on by a restart");
}

static void
configure_watchdog(const struct conf_process *conf)
{
	if (!watchdog_configure(conf->stall_warning_ms, conf->stall_abort_ms) &&
	    (conf->stall_warning_ms > 0 || conf->stall_abort_ms > 0))
		log_warn("process.stall_* was off at the start; it is switched on by a restart");
}

bool
server_apply(struct server *s, struct topology *topology, struct error *error)
{
	struct listener_set *listeners = listener_set_open(topology, s->listeners, s->count, error);

	if (listeners == NULL)
		return false;
	if (s->access_log != NULL && !access_log_configure(s->access_log, &topology->log, error)) {
		listener_set_unref(listeners);
		return false;
	}
	warn_of_restart(s, topology);
	log_set_level(topology->log.level);
	configure_watchdog(&topology->process);
	state_keeper_set_dir(s->keeper, topology->state_dir);
	if (strcmp(s->topology->state_dir, topology->state_dir) != 0)
		journal_set_dir(s->people.journal, topology->state_dir);
	wish_store_adopt(s->people.wishes, topology);
	topology_ref(topology);
	topology_unref(s->topology);
	s->topology = topology;
	listener_set_unref(s->listeners);
	s->listeners = listeners;
	controller_apply(s->controller, topology, listeners);
	return true;
}

void
server_reopen_logs(struct server *s)
{
	if (s->access_log != NULL)
		access_log_reopen(s->access_log);
	if (!s->left_disk)
		journal_set_dir(s->people.journal, s->topology->state_dir);
}

void
server_leave_disk(struct server *s)
{
	s->left_disk = true;
	state_keeper_set_dir(s->keeper, "");
	journal_set_dir(s->people.journal, "");
	wish_store_close(s->people.wishes);
}

bool
server_is_ready(const struct server *s)
{
	return s->controller != NULL && controller_ready(s->controller) &&
	    listener_set_listens(s->listeners);
}

void
server_drain(struct server *s)
{
	for (unsigned i = 0; i < s->count; i++)
		worker_drain(s->workers[i]);
}

void
server_end_tunnels(struct server *s)
{
	for (unsigned i = 0; i < s->count; i++)
		worker_end_tunnels(s->workers[i]);
}

bool
server_is_idle(const struct server *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (!worker_is_idle(s->workers[i]))
			return false;
	return true;
}

/* Over all workers, of the atomic_uint at this offset of their struct worker_stats. */
static unsigned
sum_of(const struct server *s, size_t at)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < s->count; i++) {
		const char *stats = (const char *)worker_stats(s->workers[i]);

		sum += atomic_load_explicit(
		    (const atomic_uint *)(const void *)(stats + at), memory_order_relaxed);
	}
	return sum;
}

unsigned
server_requests(const struct server *s)
{
	return sum_of(s, offsetof(struct worker_stats, exchanges));
}

unsigned
server_tunnels(const struct server *s)
{
	return sum_of(s, offsetof(struct worker_stats, tunnels));
}

unsigned
server_clients(const struct server *s)
{
	return sum_of(s, offsetof(struct worker_stats, clients));
}

/*
 * Producers before consumers: workers feed the controller's and the log's rings, the controller
 * feeds the workers' mailboxes.
 */
static void
stop_threads(struct server *s)
{
	if (s->controller != NULL)
		controller_stop(s->controller);
	for (unsigned i = 0; i < s->count; i++)
		if (s->workers[i] != NULL)
			worker_stop(s->workers[i]);
	for (unsigned i = 0; i < s->count; i++)
		if (s->workers[i] != NULL)
			worker_free(s->workers[i]);
	if (s->controller != NULL)
		controller_free(s->controller);
	if (s->access_log != NULL)
		access_log_stop(s->access_log);
}

void
server_free(struct server *s)
{
	if (s->trim != NULL)
		event_free(s->trim);
	stop_threads(s);
	state_keeper_free(s->keeper);
	wish_store_free(s->people.wishes);
	desk_free(s->people.desk);
	journal_free(s->people.journal);
	state_free(mailbox_take(s->states));
	mailbox_free(s->states);
	for (unsigned i = 0; i < s->count; i++) {
		touched_free(s->touched[i]);
		if (s->urgent[i] != NULL)
			ring_free(s->urgent[i]);
		if (s->access != NULL && s->access[i] != NULL)
			ring_free(s->access[i]);
	}
	if (s->listeners != NULL)
		listener_set_unref(s->listeners);
	if (s->urgent_fd >= 0)
		close(s->urgent_fd);
	topology_unref(s->topology);
	crowd_free(s->crowd);
	rate_table_free(s->rates);
	mem_free(s->at_start.user);
	mem_free(s->at_start.socket);
	mem_free(s->view_workers);
	mem_free(s->access);
	mem_free(s->touched);
	mem_free(s->urgent);
	mem_free(s->workers);
	mem_free(s);
}

const struct admin_people *
server_people(const struct server *s)
{
	return &s->people;
}

void
server_stop_asking(struct server *s)
{
	desk_close(s->people.desk);
}

struct topology *
server_topology(const struct server *s)
{
	return s->topology;
}

unsigned
server_workers(const struct server *s)
{
	return s->count;
}

const char *
server_bound_text(const struct server *s, unsigned i, char *buf, size_t size)
{
	return listener_bound_text(s->listeners->listeners[i], buf, size);
}

void
server_view(struct server *s, struct view *v)
{
	static const struct controller_stats none;

	v->now_ms = clock_now_ms();
	v->now_wall_us = clock_wall_us();
	v->ready = s->controller != NULL && controller_ready(s->controller);
	v->table = s->controller != NULL ? controller_table(s->controller) : NULL;
	v->control = s->controller != NULL ? controller_stats(s->controller) : &none;
	v->journal = journal_stats(s->people.journal);
	v->failovers = journal_failovers(s->people.journal);
	v->wishes = wish_store_list(s->people.wishes);
	v->process.access_log_dropped =
	    s->access_log != NULL ? access_log_dropped(s->access_log) : 0;
	v->workers = s->view_workers;
	v->worker_count = 0;
	for (unsigned i = 0; i < s->count && s->workers[i] != NULL; i++, v->worker_count++) {
		s->view_workers[i].stats = worker_stats(s->workers[i]);
		s->view_workers[i].thread_id = worker_thread_id(s->workers[i]);
	}
}
