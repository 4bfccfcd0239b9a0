/*
 * The journal: every change of routing with its evidence, from control to main, in memory and, with
 * a state_dir, appended to journal.jsonl there as JSON lines.
 *
 * Control puts facts into a ring and never waits; main numbers them, keeps the newest and writes
 * them. What the disk does not take is counted and said; routing does not depend on it.
 */
#ifndef CONTROL_JOURNAL_H
#define CONTROL_JOURNAL_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "steer/fact.h"
#include "steer/wish.h"

struct endpoint;
struct event_base;
struct failovers;
struct journal;

enum {
	JOURNAL_KEPT = 4096, /* in memory */
	JOURNAL_FILE_BYTES = 16 * 1024 * 1024,
	JOURNAL_FILES = 4, /* journal.jsonl and journal.jsonl.1 to .3 */
};

struct journal_stats { /* main writes, anyone reads relaxed */
	atomic_ullong facts;
	atomic_ullong dropped;   /* the ring was full: control never waits for main */
	atomic_ullong unwritten; /* the disk did not take them */
};

/* Main, before control starts and after it has stopped. */
struct journal *journal_new(void);
void journal_free(struct journal *); /* what lies in the ring is still written; closes */

/*
 * Control. Everything is copied. endpoint: that of fact.endpoint_id, whose cause is told, or NULL.
 * wishes: those in force, from which owner and reason of what a person did are taken; NULL: none.
 */
void journal_put(
    struct journal *, const struct fact *, const struct endpoint *, const struct wishes *);

/*
 * Main: from now on facts are drained on this loop and, unless state_dir is "", written there. What
 * the file holds from before is read back, so that numbers go on. An unusable file is a warning.
 */
void journal_open(struct journal *, struct event_base *, const char *state_dir);
/* Main: from now on there; the same directory again opens the file anew. */
void journal_set_dir(struct journal *, const char *state_dir);

/* Main: before that loop goes away. */
void journal_close(struct journal *);

/* Who did it, and why. NULL members are "". */
struct journal_person {
	const char *owner;
	const char *reason;
	const char *wish; /* "evacuate", "freeze", "pin" */
	const char *replaces; /* whose wish for the same thing, in words */
};
/* Main: a fact of its own, at the present time. */
void journal_add(struct journal *, const struct fact *, const struct journal_person *);

/*
 * Main: {"facts": [...], "next": number}: facts in memory with a number above since, oldest first,
 * at most limit (0: all), and the number to go on from. since UINT64_MAX: the newest limit. A new
 * reference.
 */
json_t *journal_json(const struct journal *, uint64_t since, unsigned limit)
    __attribute__((warn_unused_result));
const struct journal_stats *journal_stats(const struct journal *);
const struct failovers *journal_failovers(const struct journal *);

#endif
