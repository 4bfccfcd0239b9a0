/*
 * How an endpoint's memory comes and goes: the registry's business only.
 */
#ifndef STEER_ENDPOINT_PRIVATE_H
#define STEER_ENDPOINT_PRIVATE_H

#include "steer/endpoint.h"

/* One block with its strings and shard slots, without a reference. */
struct endpoint *endpoint_new(const struct endpoint_identity *, uint32_t id, unsigned workers);
void endpoint_free(struct endpoint *); /* and its shards */

#endif
