/*
 * May a client come here, and that often? A request is asked by its listener's rules, then by its
 * route's; a connection that carries no requests, by its listener's. Worker thread only.
 */
#ifndef PROXY_ACCESS_H
#define PROXY_ACCESS_H

#include <stdbool.h>

#include "base/fault.h"
#include "base/ip.h"

struct conf_route;
struct exchange;
struct listener;
struct worker;

/* A connection of a listener; true if what it carries is asked later. */
bool access_admits(struct worker *, const struct listener *, const struct ip *);

/*
 * FAULT_NONE, FAULT_DENIED or FAULT_RATE_LIMITED, and then x->retry_after_s says when there will be
 * a token again. A request that is denied takes none.
 */
enum fault access_by_listener(struct exchange *);
enum fault access_by_route(struct exchange *, const struct conf_route *);

#endif
