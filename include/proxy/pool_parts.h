/*
 * What the parts of a pool share: its slots (pool_slot.c), and the connections in them and who
 * waits for one (pool.c). Worker thread only.
 */
#ifndef PROXY_POOL_PARTS_H
#define PROXY_POOL_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/pool.h"

struct slab;

struct pool {
	struct worker *worker;
	struct pool_slot **slots; /* by endpoint id */
	unsigned slot_count;
	struct slab *waits;
};

/* Nobody has it, and its endpoint is gone. */
bool pool_slot_is_unused(const struct pool_slot *);
void pool_slot_free(struct pool_slot *);

/* Nothing more on those that are ready; such as carry requests end with the last of them. */
void pool_close_ready(struct pool_slot *);
void pool_close_opening(struct pool_slot *); /* nobody may wait for them */

/* From the loop, with no exchange on the stack: room for those who wait. arg: the slot. */
void pool_serve(void *arg);
size_t pool_wait_size(void);

#endif
