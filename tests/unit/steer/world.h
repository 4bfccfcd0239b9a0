/*
 * A small world for tests: one service with regions of literal endpoints, and its table.
 */
#ifndef TEST_STEER_WORLD_H
#define TEST_STEER_WORLD_H

#include "conf/topology.h"
#include "steer/table.h"

struct world_region {
	uint32_t tier;
	uint32_t weight;
	unsigned endpoints;
	const uint32_t *weights; /* of the endpoints; NULL: all 1 */
};

struct world {
	struct topology *topology; /* one reference */
	struct endpoint_registry *endpoints;
	struct steering_registry *steerings;
	struct table *table; /* one holder */
	struct table_service *service; /* the table's only one */
};

/* One reference, which the caller gives back; one service "shop", regions "r0", "r1", ... */
struct topology *world_topology(enum conf_balance, const struct world_region *, unsigned count);

void world_open(struct world *, enum conf_balance, const struct world_region *, unsigned count,
    unsigned workers);
void world_close(struct world *);

/* As control does it: the word, then how many are up and a new generation. */
void world_set(struct world *, unsigned region, unsigned endpoint, enum endpoint_state);
void world_set_all(struct world *, unsigned region, enum endpoint_state);
/* The same for an effective weight, in 1/ENDPOINT_WEIGHT_FULL. */
void world_set_weight(struct world *, unsigned region, unsigned endpoint, unsigned weight);
void world_share(struct world *, const uint32_t *shares);

#endif
