/*
 * The route index: host and path to a route. Immutable once built; any thread may ask.
 *
 * Its cost is bounded by the lengths of host and path, not by the number of routes: one hash probe
 * for each host suffix and each path segment that the configuration could match at all.
 */
#ifndef STEER_ROUTE_INDEX_H
#define STEER_ROUTE_INDEX_H

#include "base/bytes.h"

struct conf_route;
struct route_index;
struct topology;

/* Counted, with one reference. Points into the topology, which must outlive it. */
struct route_index *route_index_build(const struct topology *);
/* Any thread. */
struct route_index *route_index_ref(struct route_index *);
void route_index_free(struct route_index *); /* drops a reference; the last one frees it */

/*
 * host is lower case without port (one trailing dot is ignored), path is normalised and without
 * query. Exact host, then the longest wildcard ("*.b": one or more labels before ".b"), then any
 * host; within a host an exact path, then the longest prefix on a segment border, where a
 * prefix's trailing slash does not count ("/api/" is "/api": /api, /api/, /api/x, not /apix); a
 * host whose paths do not match falls through to the next wider one. Of two equal routes the
 * first configured one is found. A path that does not start with a slash ("*") is "/". NULL: none.
 */
const struct conf_route *route_index_find(const struct route_index *, struct slice host,
    struct slice path);

#endif
