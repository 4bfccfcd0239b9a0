/*
 * Directs the traffic of all services, by one pure core each (steer/steer.h): feeds them what
 * probes, workers and people tell, lets them decide, and carries out what they decided as words for
 * the workers.
 *
 * Lasting by service name: a new table takes over all that is known. Control thread only.
 */
#ifndef CONTROL_DIRECTOR_H
#define CONTROL_DIRECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "steer/endpoint.h"

struct director;
struct check_track;
struct controller_stats;
struct desk;
struct endpoint;
struct journal;
struct state;
struct table;
struct touched;
struct urgent;

struct director_setup {
	struct controller_stats *stats;
	struct touched *const *touched; /* by worker; borrowed. NULL: none */
	unsigned worker_count;
	/* Something is to be decided before this turn of the loop is over: call director_settle().
	 */
	void (*wanted)(void *arg);
	/* Live traffic has just lost this endpoint; maybe DNS knows a newer one. */
	void (*lost)(void *arg, const struct endpoint *);
	void *arg;
	struct journal *journal; /* borrowed; NULL: facts are only logged */
	struct desk *desk;       /* borrowed; NULL: nobody wishes or asks anything */
};

struct director *director_new(const struct director_setup *);
void director_free(struct director *); /* NULL is fine */

/* A table that is about to be published, borrowed until the next one: decides, writes its words. */
void director_adopt(struct director *, const struct table *);

/* An endpoint of the table has a verdict by its checks, or its first. */
void director_probe(struct director *, const struct endpoint *, const struct check_track *);
/* A worker could not reach an endpoint. Ids that no table names are ignored. */
void director_urgent(struct director *, const struct urgent *);
/* Something lies on the desk: questions are answered, wishes wait for director_settle(). */
void director_serve(struct director *);

/* Decides for the services of which something urgent was told. */
void director_settle(struct director *);
/* Every 100 ms: looks at all, decides for all. */
void director_tick(struct director *);

/* Adds the regions to a snapshot. */
void director_save(const struct director *, struct state *);
/* Before the first adoption: regions begin as they were then. Borrowed until that is over. */
void director_resume(struct director *, const struct state *);

#endif
