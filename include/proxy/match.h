/*
 * The conditions of a route: does this request meet them? And the parts of a request that they,
 * splits and balancing look at.
 */
#ifndef PROXY_MATCH_H
#define PROXY_MATCH_H

#include <stdbool.h>

struct conf_route;

/* As route_accepts_fn; arg is the struct exchange. */
bool match_accepts(const struct conf_route *, void *exchange);

#endif
