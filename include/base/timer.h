/*
 * Deadlines of one thread, coarse and cheap: one queue for each duration in use, so starting,
 * restarting and stopping are list moves and never touch the event loop's heap.
 *
 * A timer fires at most 1/32 of its duration (250 ms at most) early, in exchange for a restart
 * within that slack being a comparison; never more than a few ms late when the loop is idle.
 * Owned by one thread; not locked.
 */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct event_base;
struct timer_queue;
struct timers;

typedef void timer_fn(void *arg);

/* Embedded in its owner, zero-initialised; private but for its address. */
struct timer {
	struct list node;
	struct timer_queue *queue; /* NULL: not running */
	uint64_t due_ms;
	timer_fn *fn;
	void *arg;
};

struct timers *timers_new(struct event_base *);
void timers_free(struct timers *); /* running timers never fire */

/*
 * Calls fn(arg) once, from the event loop, after after_ms. Restarts a running timer. A duration
 * of 0 means "no deadline" everywhere in the configuration: it stops the timer.
 * fn may start or stop any timer and free its own.
 */
void timer_start(struct timers *, struct timer *, uint32_t after_ms, timer_fn *fn, void *arg);
void timer_stop(struct timer *);

static inline bool
timer_running(const struct timer *t)
{
	return t->queue != NULL;
}

#endif
