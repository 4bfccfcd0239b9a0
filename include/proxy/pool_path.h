/*
 * What a worker knows of the way to an endpoint: its round trip, and whether a connect on it takes
 * too long. Worker thread only.
 */
#ifndef PROXY_POOL_PATH_H
#define PROXY_POOL_PATH_H

#include <stdbool.h>
#include <stdint.h>

struct pool_slot;

/*
 * Is a connect on its way so long that another place is worth a try? A wait since then, and the
 * oldest of the connections being opened, are older than max(50 ms, 4 round trips), twice that when
 * TCP is done and TLS is not. Waiting for room alone is not being late.
 */
bool pool_is_late(const struct pool_slot *, uint64_t since_us, uint64_t now_us);
/* The path's round trip: is a new measurement due, and one has come. */
bool pool_rtt_is_old(const struct pool_slot *, uint64_t now_us);
void pool_learn_rtt(struct pool_slot *, uint32_t rtt_us, uint64_t now_us);

#endif
