/*
 * The checks of every endpoint: schedules the probes, judges by them, and tells the verdicts to who
 * decides (control/director.h). Where there is no check, the verdict is up from the start.
 *
 * Lasting by endpoint: a reload or a DNS answer that keeps an endpoint keeps what is known of it,
 * whatever became of the check's parameters. Control thread only.
 */
#ifndef CONTROL_HEALTH_H
#define CONTROL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

struct check_track;
struct controller_stats;
struct endpoint;
struct health_set;
struct loop;
struct sites;
struct state;
struct table;

enum {
	HEALTH_URGENT_GAP_MS = 50, /* an endpoint is not probed more often than this */
	/*
	 * For so long after a probe that was asked for has passed no other one is. Behind a balancer
	 * that sends one connection in five to a dead server some try fails all the time: probe after
	 * probe, three in a row would fail by chance within seconds.
	 */
	HEALTH_TRUST_MS = 1000,
};

struct health_setup {
	struct loop *loop; /* borrowed, as long as the set */
	struct controller_stats *stats;
	/* The endpoint has a verdict: another one, or its first in this table. */
	void (*verdict)(void *arg, const struct endpoint *, const struct check_track *);
	/* This endpoint's address has just stopped answering; maybe DNS knows a newer one. */
	void (*unreachable)(void *arg, const struct endpoint *);
	void *arg;
};

struct health_set *health_set_new(const struct health_setup *);
void health_set_free(struct health_set *);

/*
 * Takes up the endpoints of a table that is about to be published, and tells the verdict of each.
 * The sites are borrowed until the next call.
 */
void health_set_adopt(struct health_set *, const struct table *, struct sites *);
/* After publishing: what the table does not name any more drains and is forgotten. */
void health_set_retire(struct health_set *);

/* A worker could not reach this endpoint. Ids nobody knows any more are ignored. */
void health_set_urgent(struct health_set *, uint32_t endpoint_id, enum fault);

/* About once a second. */
void health_set_tick(struct health_set *);

/* Adds the verdicts to a snapshot. */
void health_set_save(const struct health_set *, struct state *);
/* Before the first adoption: endpoints begin as they were then. Borrowed until that is over. */
void health_set_resume(struct health_set *, const struct state *);

#endif
