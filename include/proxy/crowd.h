/*
 * How many connections each client has open with all workers together, a client being an IPv4 /24
 * or an IPv6 /64. Any thread.
 *
 * Of fixed size, whoever comes: counters in two rows, in which every client has one place each by a
 * keyed hash. The smaller of its two is its number, or more than that if both places are shared;
 * never less. On a connection's way, not a request's, several workers write them.
 */
#ifndef PROXY_CROWD_H
#define PROXY_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

struct crowd;

struct crowd *crowd_new(uint64_t seed);
void crowd_free(struct crowd *);

/* Counts one more, unless the client has most already: false. most 0: no limit. */
bool crowd_enter(struct crowd *, const struct ip *, uint32_t most);
/* Once for each crowd_enter() that was true. */
void crowd_leave(struct crowd *, const struct ip *);

#endif
