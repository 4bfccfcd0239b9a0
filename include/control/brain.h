/*
 * The brains of all services, one pure core each (steer/steer.h): feeds them what probes, workers
 * and people tell, lets them decide, and carries out what they decided as words for the workers.
 *
 * Lasting by service name: a new table takes over all that is known. Control thread only.
 */
#ifndef CONTROL_BRAIN_H
#define CONTROL_BRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "steer/endpoint.h"

struct brain;
struct check_track;
struct controller_stats;
struct desk;
struct endpoint;
struct journal;
struct state;
struct table;
struct touched;

struct brain_setup {
	struct controller_stats *stats;
	struct touched *const *touched; /* by worker; borrowed. NULL: none */
	unsigned worker_count;
	/* Something is to be decided before this turn of the loop is over: call brain_settle(). */
	void (*wanted)(void *arg);
	/* Live traffic has just lost this endpoint; maybe DNS knows a newer one. */
	void (*lost)(void *arg, const struct endpoint *);
	void *arg;
	struct journal *journal; /* borrowed; NULL: facts are only logged */
	struct desk *desk; /* borrowed; NULL: nobody wishes or asks anything */
};

struct brain *brain_new(const struct brain_setup *);
void brain_free(struct brain *); /* NULL is fine */

/* A table that is about to be published, borrowed until the next one: decides, writes its words. */
void brain_adopt(struct brain *, const struct table *);

/* An endpoint of the table has a verdict by its checks, or its first. */
void brain_probe(struct brain *, const struct endpoint *, const struct check_track *);
/* A worker could not reach this endpoint. Ids that no table names are ignored. */
void brain_urgent(struct brain *, uint32_t endpoint_id, enum fault);
/* Something lies on the desk: questions are answered, wishes wait for brain_settle(). */
void brain_serve(struct brain *);

/* Decides for the services of which something urgent was told. */
void brain_settle(struct brain *);
/* Every 100 ms: looks at all, decides for all. */
void brain_tick(struct brain *);

/* Adds the regions to a snapshot. */
void brain_save(const struct brain *, struct state *);
/* Before the first adoption: regions begin as they were then. Borrowed until that is over. */
void brain_resume(struct brain *, const struct state *);

#endif
