/*
 * Sticky sessions: a client asks for an endpoint by its name, a keyed hash that says nothing to it.
 * The region's state is never outranked: where new requests are not sent, sessions end.
 */
#ifndef STEER_STICKY_H
#define STEER_STICKY_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct conf_service;
struct endpoint;
struct pick;
struct table_region;
struct table_service;

/* A name, and whose it is. */
struct sticky_name {
	uint64_t name;
	uint32_t endpoint; /* in table_region.endpoints */
};

/* What an endpoint of a sticky service is called. */
uint64_t sticky_name(const struct conf_service *, const struct endpoint *);

/* The region's endpoints by name, for sticky_find(); in the arena. */
void sticky_build(struct table_region *, const struct conf_service *, struct arena *);

/*
 * The endpoint of this name, if it is up, was not tried, and sessions may stay in its region: one
 * that serves, not one that is down, evacuated, held back or grey, and not a standby that has a
 * trickle. NULL: none; the pick is as for anybody.
 */
struct endpoint *sticky_find(const struct table_service *, const struct pick *, uint64_t name,
    unsigned *region);

#endif
