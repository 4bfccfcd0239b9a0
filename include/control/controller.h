/*
 * The control thread: health checks, DNS, states and shares; observe, decide, publish.
 *
 * It owns the endpoint and steering registries and is the only one that builds routing tables.
 * Nothing that could stall a decision runs on it.
 */
#ifndef CONTROL_CONTROLLER_H
#define CONTROL_CONTROLLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/watchdog.h"

struct controller;
struct desk;
struct journal;
struct listener_set;
struct mailbox;
struct ring;
struct state;
struct table;
struct topology;
struct touched;
struct worker;

struct controller_setup {
	struct worker **workers;
	unsigned worker_count;
	struct ring **urgent; /* by worker, of struct urgent; control is the consumer. NULL: none */
	int urgent_fd; /* eventfd all workers write; -1: none */
	struct touched **touched; /* by worker: endpoints it has used. NULL: none */
	struct journal *journal; /* where facts go; NULL: to the log only */
	struct desk *desk; /* what people wish and ask; NULL: nothing */
	struct mailbox *states; /* of struct state: posted for main to keep. NULL: nothing is kept */
	struct state *resumed; /* how things were before the restart; taken over. NULL: unknown */
	bool patient; /* somebody else serves until our first table is out */
};

/* The controller's own numbers; it writes, anyone reads relaxed. */
struct controller_stats {
	atomic_ullong tables_built;
	atomic_ullong checks; /* probes completed */
	atomic_ullong checks_failed;
	atomic_ullong verdict_changes;
	atomic_ullong share_changes;
	atomic_ullong ticks;
	atomic_ullong tick_us; /* spent in all of them */
	atomic_ullong tick_us_max; /* slowest tick so far */
	struct watchdog_stalls stalls; /* of its loop; the watchdog writes them */
	atomic_ullong memory_limit;    /* bytes, as configured or found */
	atomic_uint memory_pressure;   /* enum pressure */
	atomic_uint dns_failing; /* names whose last answer was a failure */
};

/* All but the state is borrowed until controller_stop() has returned; the arrays are copied. */
struct controller *controller_new(const struct controller_setup *);
bool controller_start(struct controller *, struct error *);
/*
 * Any thread. Applies a topology: takes one reference of it and of the listener set (NULL: none).
 * Its first table is published once every name has answered or failed once (at most 2 s; who is
 * patient waits for addresses, at most 60 s); what was published before serves until then. Names known already do not delay it.
 */
void controller_apply(struct controller *, struct topology *, struct listener_set *);
/* Main: the newest table, to read while building a status; main holds it until the next call. */
const struct table *controller_table(struct controller *);
/* Any thread: has the first table been published? */
bool controller_ready(const struct controller *);
const struct controller_stats *controller_stats(const struct controller *);
/* Ends the thread: when this has returned no worker is published to any more. May be repeated. */
void controller_stop(struct controller *);
void controller_free(struct controller *); /* stops; workers must have been freed in between */

#endif
