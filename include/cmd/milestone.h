/*
 * What becomes of the process and of its configuration, as facts in the journal: whoever asks why
 * traffic moved looks there first, and a reload is the first thing to rule out. Main thread only.
 */
#ifndef CMD_MILESTONE_H
#define CMD_MILESTONE_H

#include <sys/types.h>

struct journal;
struct topology;

/* How much of each there is. */
struct milestone_counts {
	unsigned listeners, services, regions, endpoints, routes;
};

struct milestone_counts milestone_count(const struct topology *);

/* path: of the configuration, or NULL. before: the process we take over from; 0: none. */
void milestone_started(struct journal *, const struct topology *, const char *path, pid_t before);
/*
 * A reload was applied. actor: what asked for it, "SIGHUP". version: of configurations of this
 * process, the one it started with is 1. before: of the one that was replaced. changes: in words.
 */
void milestone_reloaded(struct journal *, const char *actor, unsigned version,
    const struct milestone_counts *before, const struct topology *, const char *changes);
/* errors: how many; why: the first of them. */
void milestone_refused(struct journal *, const char *actor, unsigned errors, const char *why);
/* It leaves: no new connections after drain.delay. requests: in flight. */
void milestone_leaving(struct journal *, const char *actor, unsigned requests);
/* The last fact of a process that ends by itself. requests: broken off. */
void milestone_ended(struct journal *, const char *why, unsigned requests);

#endif
