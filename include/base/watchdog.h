/*
 * Notices event loops that stand still: a thread of its own looks at the beats of all others.
 *
 * A loop beats every WATCHDOG_BEAT_MS from a timer of its own. A beat that is late by the warning
 * time is counted and logged; one that is late by the abort time ends the process with SIGABRT,
 * raised in the thread that stands still, which first says where it stands. A long piece of work
 * that says it goes on is a delay to be told of, but no reason to end. Nobody is blamed for
 * time in which the watchdog itself did not run: then it was the machine, a SIGSTOP or a debugger.
 */
#ifndef BASE_WATCHDOG_H
#define BASE_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

enum { WATCHDOG_BEAT_MS = 50 };

/* How often a loop stood still, and the longest time; the watchdog writes, anyone reads. */
struct watchdog_stalls {
	atomic_ullong count;
	atomic_ullong longest_us;
};

/* A loop under watch; it lives in the loop and belongs to its thread. */
struct beat {
	atomic_ullong at_us;   /* the last one */
	atomic_ullong late_us; /* the latest since the watchdog looked */
	atomic_ullong works_us; /* the last time that a long piece of work said it goes on */
	/* the watchdog's */
	struct list node;
	pthread_t thread;
	int thread_id;
	struct watchdog_stalls *stalls; /* borrowed; NULL: nobody counts */
	uint64_t seen_us;               /* the beat it saw last */
	uint64_t excused_us; /* since then: what the watchdog slept, or it had no processor */
	uint64_t looked_us;  /* since when it is known how long it ran; 0: it is not overdue */
	uint64_t ran_us;     /* in all, by then */
	bool told;                      /* that it stands still, while it does */
};

struct watchdog_setup {
	uint32_t warning_ms; /* 0: never */
	uint32_t abort_ms;   /* 0: never; not in a sanitizer's build */
	/*
	 * Called from the watchdog's thread every alive_every_ms, while no loop has been standing
	 * still for longer than that; 0: never. It must not block.
	 */
	void (*alive)(void);
	uint32_t alive_every_ms;
};

/* Main, before the loops to be watched run; nothing to do: no thread. False with an error. */
bool watchdog_start(const struct watchdog_setup *, struct error *);
/* Other times from now on. False: no watchdog runs. Main. */
bool watchdog_configure(uint32_t warning_ms, uint32_t abort_ms);
/* After the last watched loop has ended. Does nothing when there is no watchdog. */
void watchdog_stop(void);

/* From the thread of the loop, whose name is the thread's. False: nobody watches. */
bool watchdog_watch(struct beat *, struct watchdog_stalls *);
void watchdog_forget(struct beat *);
/* The loop goes round: a few instructions and a look at the clock. */
void watchdog_beat(struct beat *);
/*
 * From work that takes as long as the configuration is large: it is not stuck. Any thread; nothing
 * happens in one that nobody watches.
 */
void watchdog_work(void);

#endif
