/*
 * What must survive a restart: region states, endpoint states, the last good DNS answers. Plain
 * data: control fills a snapshot and posts it, main writes it (control/state_file.h), and reads it
 * back before control starts.
 *
 * One owner at a time; everything hangs off one arena.
 */
#ifndef CONTROL_STATE_H
#define CONTROL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "steer/endpoint.h"
#include "steer/steer.h"

struct arena;

struct state_region {
	const char *service;
	struct steer_saved_region saved;
};

struct state_endpoint {
	const char *service;
	const char *region;
	const char *host; /* of the URL: two names may lead to one address */
	const char *url; /* scheme and address */
	bool up; /* else down; unknown ones are not kept */
};

struct state_name {
	const char *host;
	const char **addresses; /* "10.0.0.1", "2001:db8::1" */
	unsigned address_count;
};

struct state {
	struct arena *arena;
	uint64_t saved_wall_ms; /* since 1970 */
	struct state_region *regions;
	unsigned region_count, region_room;
	struct state_endpoint *endpoints; /* sorted by state_sort() */
	unsigned endpoint_count, endpoint_room;
	struct state_name *names; /* likewise */
	unsigned name_count, name_room;
};

enum { STATE_MAX_AGE_MS = 24 * 3600 * 1000 }; /* older ones tell nothing */

struct state *state_new(uint64_t saved_wall_ms);
void state_free(struct state *); /* NULL is fine */

/* Texts are copied. */
struct steer_saved_region *state_add_region(struct state *, const char *service);
void state_add_endpoint(struct state *, const struct state_endpoint *);
void state_add_name(struct state *, const char *host, const char *const *addresses, unsigned count);

/* Before it is searched. */
void state_sort(struct state *);
const struct state_endpoint *state_find_endpoint(const struct state *, const struct endpoint *);
const struct state_name *state_find_name(const struct state *, const char *host);
/* How long ago it was saved; 0 when the clock says that it is still to come. */
uint64_t state_age_ms(const struct state *);

#endif
