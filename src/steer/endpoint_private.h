/*
 * How an endpoint's memory comes and goes: the registry's business only.
 */
#ifndef STEER_ENDPOINT_PRIVATE_H
#define STEER_ENDPOINT_PRIVATE_H

#include "steer/endpoint.h"

/* With number as its id: one block with its strings and shard slots, without a reference. */
struct endpoint *endpoint_new(const struct endpoint_identity *id, uint32_t number,
    unsigned workers);
void endpoint_free(struct endpoint *); /* and its shards */

#endif
