/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/lifecycle.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/watchdog.h"
#include "cmd/banner.h"
#include "cmd/changes.h"
#include "cmd/command.h"
#include "cmd/milestone.h"
#include "cmd/notify.h"
#include "cmd/privileges.h"
#include "cmd/seccomp.h"
#include "cmd/server.h"
#include "cmd/takeover.h"
#include "cmd/version.h"
#include "conf/conf.h"
#include "conf/topology.h"
#include "control/admin.h"
#include "control/admin_people.h"
#include "control/view.h"
#include "net/socket.h"
#include "net/stream.h"

enum {
	POLL_MS = 10, /* asking whether the first table is out, or the last client gone */
	FILES_PER_CONNECTION = 2, /* the client's and the endpoint's */
	CHANGES_BYTES = 800,      /* a line of the log, and of the journal */
};

enum { SIGNALS = 5 };
static const int signals[SIGNALS] = { SIGHUP, SIGTERM, SIGQUIT, SIGINT, SIGUSR1 };

struct lifecycle {
	const struct lifecycle_setup *setup;
	struct event_base *base;
	struct event *signals[SIGNALS];
	struct event *poll;    /* while something is awaited */
	struct event *refused; /* the filter refused a system call; NULL: there is none */
	struct event *drain_delay;
	struct event *drain_timeout;
	struct event *hard_stop;
	struct server *server;
	struct takeover before; /* who served so far */
	struct admin *admin;    /* NULL: off */
	struct view_process process;
	bool ready;
	bool closing;  /* the workers drain */
	bool cut;      /* tunnels were ended that would have gone on */
	bool relieved; /* a successor told us to leave, and no person yet */
	int exit_code;
};

static struct journal *
journal_of(const struct lifecycle *l)
{
	return server_people(l->server)->journal;
}

static void
end_loop(struct lifecycle *l, int exit_code, const char *why)
{
	l->exit_code = exit_code;
	milestone_ended(journal_of(l), why, server_requests(l->server));
	event_base_loopbreak(l->base);
}

static void
fill_view(void *arg, struct view *v)
{
	struct lifecycle *l = arg;

	v->process = l->process;
	v->process.refused_syscalls = seccomp_refused();
	server_view(l->server, v);
	/* until we are, the one we take over from serves at the same address */
	v->ready = v->ready || l->before.pidfd >= 0;
}

static void
arm(struct event *timer, uint32_t after_ms)
{
	struct timeval after = { .tv_sec = after_ms / 1000,
		.tv_usec = (suseconds_t)(after_ms % 1000) * 1000 };

	if (event_add(timer, &after) != 0)
		log_error("cannot start a timer of main");
}

/* Ending before the work is done is told apart by the exit code. */
static void
end_now(struct lifecycle *l, const char *why)
{
	unsigned requests = server_requests(l->server);

	log_info("%s: ending now, %u requests in flight", why, requests);
	end_loop(l, requests > 0 ? EXIT_FORCED : EXIT_GOOD, why);
}

static void
on_hard_stop(evutil_socket_t fd, short what, void *arg)
{
	struct lifecycle *l = arg;

	log_warn("drain.hard_stop: ending with %u requests in flight on %u connections",
	    server_requests(l->server), server_clients(l->server));
	end_loop(l, EXIT_FORCED, "drain.hard_stop");
}

/* Tunnels may never end by themselves; requests do, so those have longer. */
static void
on_drain_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct lifecycle *l = arg;
	const struct topology *t = server_topology(l->server);
	uint32_t left_ms = t->drain_hard_stop_ms - t->drain_timeout_ms;
	unsigned tunnels = server_tunnels(l->server);

	if (left_ms == 0) {
		on_hard_stop(fd, what, arg);
		return;
	}
	log_warn("drain.timeout: ending %u tunnels; %u requests have %u ms more", tunnels,
	    server_requests(l->server) - tunnels, left_ms);
	l->cut = tunnels > 0;
	server_end_tunnels(l->server);
	arm(l->hard_stop, left_ms);
}

static void
on_drain_delay(evutil_socket_t fd, short what, void *arg)
{
	struct lifecycle *l = arg;
	const struct topology *t = server_topology(l->server);

	log_info("draining: no new connections; %u requests in flight on %u connections",
	    server_requests(l->server), server_clients(l->server));
	server_drain(l->server);
	l->closing = true;
	arm(l->poll, POLL_MS);
	/* 0 is "no deadline", as everywhere in the configuration */
	if (t->drain_timeout_ms > 0)
		arm(l->drain_timeout, t->drain_timeout_ms);
}

/* Who balances before us need not look elsewhere: it is served here, and told so by the other one.
 */
static void
leave_to_successor(struct lifecycle *l, const char *why)
{
	log_info("%s: leaving to a successor, which answers /readyz from now on", why);
	l->relieved = true;
	admin_leave(l->admin);
	server_leave_disk(l->server);
	arm(l->drain_delay, 0);
}

/*
 * First say that we are leaving, and only drain_delay later close the door: who balances before
 * us must have the time to look.
 */
static void
start_drain(struct lifecycle *l, const char *why)
{
	if (l->relieved) {
		/* whoever stops the old one after an upgrade does not mean to cut anything off */
		log_info("%s: leaving already; once more ends it now", why);
		l->relieved = false;
		return;
	}
	if (l->process.draining) {
		end_now(l, why);
		return;
	}
	if (!l->ready && l->before.pidfd >= 0) {
		log_info("%s: ending before we served; pid %d serves on", why, (int)l->before.pid);
		end_loop(l, EXIT_GOOD, why);
		return;
	}
	l->process.draining = true;
	notify_stopping();
	if (l->admin != NULL && admin_has_successor(l->admin)) {
		leave_to_successor(l, why);
		return;
	}
	log_info("%s: leaving; /readyz says so from now on", why);
	milestone_leaving(journal_of(l), why, server_requests(l->server));
	arm(l->drain_delay, server_topology(l->server)->drain_delay_ms);
}

static void
refuse_reload(struct lifecycle *l, unsigned errors, const char *why)
{
	/* a remedy may end as a line of the file does */
	size_t len = strlen(why);
	const char *between = len > 0 && why[len - 1] == ';' ? "" : ";";

	log_error("reload refused: %s%s the old configuration serves on", why, between);
	milestone_refused(journal_of(l), "SIGHUP", errors, why);
	l->process.reload_successful = false;
	l->process.reloads_refused++;
}

/* The first of the errors; there is one. */
static const char *
first_error(const struct conf_problems *problems)
{
	for (unsigned i = 0; i < problems->count; i++) {
		if (!problems->list[i].warning)
			return problems->list[i].text;
	}
	return "the configuration is invalid";
}

/* NULL: it is refused, which has been said. */
static struct topology *
load(struct lifecycle *l)
{
	struct conf_problems problems = { .count = 0 };
	struct topology *topology = conf_reload(l->setup->config_path, &problems);

	if (topology == NULL)
		refuse_reload(l, problems.errors, first_error(&problems));
	for (unsigned i = 0; i < problems.count; i++) {
		const struct conf_problem *p = &problems.list[i];

		if (p->warning)
			log_warn("%s", p->text);
		else if (p->text != first_error(&problems))
			log_error("%s", p->text);
	}
	conf_problems_free(&problems);
	return topology;
}

static void
applied(struct lifecycle *l, const struct topology *before, const struct topology *now)
{
	struct milestone_counts counts = milestone_count(before);
	char changes[CHANGES_BYTES] = "";

	changes_say(before, now, changes, sizeof changes);
	l->process.reload_successful = true;
	l->process.reload_success_wall_us = l->process.reload_wall_us;
	l->process.reloads_applied++;
	milestone_reloaded(journal_of(l), "SIGHUP", (unsigned)l->process.reloads_applied + 1,
	    &counts, now, changes);
	log_info("reloaded %s: %u listeners, %u services, %u routes; %s", l->setup->config_path,
	    now->listener_count, now->service_count, now->route_count, changes);
}

static void
apply(struct lifecycle *l)
{
	struct topology *topology = load(l), *before = server_topology(l->server);
	struct error error;

	l->process.reload_wall_us = clock_wall_us();
	if (topology == NULL)
		return;
	topology_ref(before);
	if (server_apply(l->server, topology, &error))
		applied(l, before, topology);
	else
		refuse_reload(l, 1, error.text);
	topology_unref(before);
	topology_unref(topology);
}

static void
reload(struct lifecycle *l)
{
	if (l->setup->config_path == NULL) {
		log_warn("SIGHUP: there is no file to read again");
		return;
	}
	if (l->process.draining) {
		log_warn("SIGHUP: leaving already, not reloaded");
		return;
	}
	notify_reloading();
	apply(l);
	notify_ready(
	    l->process.reload_successful ? "Serving" : "Serving; the last reload was refused");
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct lifecycle *l = arg;

	switch ((int)number) {
	case SIGHUP:
		reload(l);
		break;
	case SIGTERM:
		start_drain(l, "SIGTERM");
		break;
	case SIGQUIT:
		start_drain(l, "SIGQUIT");
		break;
	case SIGINT:
		end_now(l, "SIGINT");
		break;
	case SIGUSR1:
		log_info("SIGUSR1: reopening logs");
		server_reopen_logs(l->server);
		break;
	}
}

static void
become_ready(struct lifecycle *l)
{
	l->ready = true;
	banner_log(l->server, l->admin);
	notify_ready("Serving");
	takeover_finish(&l->before);
	if (l->setup->on_ready != NULL)
		l->setup->on_ready(l->setup->arg, l->base, l->server);
}

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct lifecycle *l = arg;

	if (!l->ready && server_is_ready(l->server))
		become_ready(l);
	if (l->closing && server_is_idle(l->server)) {
		log_info("drained: the last client has gone");
		end_loop(l, l->cut ? EXIT_FORCED : EXIT_GOOD, "drained");
		return;
	}
	if (!l->ready || l->closing)
		arm(l->poll, POLL_MS);
}

static void
make_events(struct lifecycle *l)
{
	l->base = event_base_new();
	if (l->base == NULL) {
		log_error("the kernel refuses an event loop");
		abort();
	}
	for (unsigned i = 0; i < SIGNALS; i++) {
		l->signals[i] = evsignal_new(l->base, signals[i], on_signal, l);
		if (l->signals[i] == NULL || event_add(l->signals[i], NULL) != 0) {
			log_error("cannot watch signal %d", signals[i]);
			abort();
		}
	}
	l->poll = evtimer_new(l->base, on_poll, l);
	l->drain_delay = evtimer_new(l->base, on_drain_delay, l);
	l->drain_timeout = evtimer_new(l->base, on_drain_timeout, l);
	l->hard_stop = evtimer_new(l->base, on_hard_stop, l);
}

static void
free_events(struct lifecycle *l)
{
	for (unsigned i = 0; i < SIGNALS; i++)
		event_free(l->signals[i]);
	if (l->refused != NULL)
		event_free(l->refused);
	event_free(l->poll);
	event_free(l->drain_delay);
	event_free(l->drain_timeout);
	event_free(l->hard_stop);
	event_base_free(l->base);
}

static void
mask_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(how, &set, NULL);
}

static void
raise_file_limit(const struct topology *t)
{
	uint64_t limit = socket_raise_fd_limit();
	uint64_t wanted = (uint64_t)t->client.max_connections * FILES_PER_CONNECTION;

	if (limit < wanted)
		log_warn("%" PRIu64
			 " file descriptors allow fewer than limits.max_connections = %u "
			 "clients; raise the hard limit (LimitNOFILE, ulimit -Hn) to %" PRIu64,
		    limit, t->client.max_connections, wanted);
}

static bool
drop_privileges(struct lifecycle *l, struct error *error)
{
	struct privileges who;

	if (!privileges_find(l->setup->topology->user, &who, error))
		return false;
	if (l->setup->topology->user == NULL && geteuid() == 0 && l->setup->config_path != NULL)
		log_warn("running as root; set user = \"...\" and Detour becomes that user after "
			 "binding");
	if (who.name == NULL)
		return true;
	if (l->admin != NULL && !admin_give_to(l->admin, who.uid, who.gid, error))
		return false;
	return server_give_to(l->server, who.uid, who.gid, error) && privileges_drop(&who, error);
}

static void
on_refused(evutil_socket_t fd, short what, void *arg)
{
	seccomp_report();
}

/* For good: nothing that comes later can undo it. */
static void
guard(struct lifecycle *l)
{
	const struct conf_process *conf = &l->setup->topology->process;

	privileges_guard_memory(conf->core_dumps);
	if (l->setup->may_exec)
		return;
	seccomp_start(conf->seccomp);
	if (seccomp_fd() < 0)
		return;
	l->refused = event_new(l->base, seccomp_fd(), EV_READ | EV_PERSIST, on_refused, NULL);
	if (l->refused == NULL || event_add(l->refused, NULL) != 0)
		log_error("what the filter on system calls refuses will not be logged");
}

static bool
start_watchdog(const struct lifecycle *l, struct error *error)
{
	const struct conf_process *conf = &l->setup->topology->process;

	return watchdog_start(&(struct watchdog_setup){ .warning_ms = conf->stall_warning_ms,
				  .abort_ms = conf->stall_abort_ms,
				  .alive = notify_alive,
				  .alive_every_ms = notify_alive_every_ms() },
	    error);
}

/* Listeners and the admin side, beside somebody else's where we take over from it. */
static bool
open_all(struct lifecycle *l, struct error *error)
{
	const struct conf_admin *admin = &l->setup->topology->admin;

	l->server = server_new(l->setup->topology, error);
	if (l->server == NULL)
		return false;
	if (admin->bind.len == 0 && admin->socket[0] == '\0')
		return true;
	l->admin = admin_new(l->base, admin, fill_view, l, error);
	if (l->admin == NULL)
		return false;
	admin_serve_people(l->admin, server_people(l->server));
	return true;
}

/* In this order: what needs privileges, giving them up, what reads strangers' bytes. */
static bool
start(struct lifecycle *l, struct error *error)
{
	bool opened;

	if (!privileges_forbid_new(error))
		return false;
	if (l->setup->take_over &&
	    !takeover_find(&l->before, l->setup->topology->admin.socket, error))
		return false;
	socket_listen_beside(l->before.pid > 0);
	opened = open_all(l, error);
	socket_listen_beside(false);
	if (!opened || !drop_privileges(l, error) || !takeover_may(&l->before, error))
		return false;
	guard(l);
	return start_watchdog(l, error) &&
	    server_start(l->server, l->base, l->before.pid > 0, error);
}

int
lifecycle_run(const struct lifecycle_setup *setup)
{
	struct lifecycle l = {
		.setup = setup, .exit_code = EXIT_GOOD, .before = { .pidfd = -1, .lock = -1 }
	};
	uint64_t now_us = clock_wall_us();
	struct error error;

	l.process = (struct view_process){ .version = version_text(),
		.commit = version_commit(),
		.config = setup->config_path,
		.started_wall_us = now_us,
		.reload_successful = true,
		.reload_wall_us = now_us,
		.reload_success_wall_us = now_us };
	log_set_level(setup->topology->log.level);
	raise_file_limit(setup->topology);
	make_events(&l);
	/* threads inherit the mask: signals are main's */
	mask_signals(SIG_BLOCK);
	if (start(&l, &error)) {
		arm(l.poll, 0);
		milestone_started(
		    journal_of(&l), setup->topology, setup->config_path, l.before.pid);
		mask_signals(SIG_UNBLOCK);
		event_base_dispatch(l.base);
	} else {
		log_error("cannot start: %s", error.text);
		l.exit_code = EXIT_FAILED;
	}
	if (l.ready && setup->on_end != NULL)
		setup->on_end(setup->arg);
	if (l.server != NULL)
		server_stop_asking(l.server);
	if (l.admin != NULL)
		admin_free(l.admin);
	if (l.server != NULL)
		server_free(l.server);
	watchdog_stop();
	takeover_leave(&l.before);
	free_events(&l);
	topology_unref(setup->topology);
	return l.exit_code;
}
