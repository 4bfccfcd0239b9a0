/*
 * The health of every endpoint: schedules the probes, judges by them (or, where there is no check,
 * by traffic), writes the endpoints' words, and from them the regions' shares.
 *
 * Lasting by endpoint: a reload or a DNS answer that keeps an endpoint keeps what is known of it,
 * whatever became of the check's parameters. Control thread only.
 */
#ifndef CONTROL_HEALTH_H
#define CONTROL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

struct controller_stats;
struct endpoint;
struct health_set;
struct loop;
struct sites;
struct table;

enum {
	HEALTH_URGENT_GAP_MS = 50, /* an endpoint is not probed more often than this */
	HEALTH_TRAFFIC_FALL = 3, /* failed tries in a row that take an unchecked endpoint out */
	HEALTH_EJECT_MS = 30000, /* for so long, in the product */
};

struct health_setup {
	struct loop *loop; /* borrowed, as long as the set */
	struct controller_stats *stats;
	uint32_t eject_ms; /* for so long an unchecked endpoint is out */
	/* Words have changed: call health_set_settle() before this turn of the loop is over. */
	void (*changed)(void *arg);
	/* This endpoint's address has just stopped answering; maybe DNS knows a newer one. */
	void (*unreachable)(void *arg, const struct endpoint *);
	void *arg;
};

struct health_set *health_set_new(const struct health_setup *);
void health_set_free(struct health_set *);

/*
 * Takes up the endpoints of a table that is about to be published and settles their words and
 * shares. Table and sites are borrowed until the next call.
 */
void health_set_adopt(struct health_set *, const struct table *, struct sites *);
/* After publishing: what the table does not name any more drains and is forgotten. */
void health_set_retire(struct health_set *);

/* A worker could not reach this endpoint. Ids nobody knows any more are ignored. */
void health_set_urgent(struct health_set *, uint32_t endpoint_id, enum fault);

/* Tells the workers what the words' changes amount to: usable endpoints, shares. */
void health_set_settle(struct health_set *);
/* About ten times a second. */
void health_set_tick(struct health_set *);

#endif
