/*
 * The route index: host and path to a route. Immutable once built; any thread may ask. Requests
 * find their way by it, and so do the checks of a configuration.
 *
 * Its cost is bounded by the lengths of host and path, not by the number of routes: one hash probe
 * for each host suffix and each path segment that the configuration could match at all.
 */
#ifndef CONF_ROUTE_INDEX_H
#define CONF_ROUTE_INDEX_H

#include <stdbool.h>

#include "base/bytes.h"

struct conf_route;
struct route_index;
struct topology;

/*
 * Counted, with one reference. Points into the topology, which must outlive it. A route whose host
 * or path could not be read (NULL) is none: a file with errors is still looked through.
 */
struct route_index *route_index_build(const struct topology *);
/* Any thread. */
struct route_index *route_index_ref(struct route_index *);
void route_index_free(struct route_index *); /* drops a reference; the last one frees it */

/* Does a request meet the conditions of this route, which has some? */
typedef bool route_accepts_fn(const struct conf_route *, void *arg);

/*
 * host is lower case without port (one trailing dot is ignored), path is normalised and without
 * query. Exact host, then the longest wildcard ("*.b": one or more labels before ".b"), then any
 * host; within a host an exact path, then the longest prefix on a segment border, where a
 * prefix's trailing slash does not count ("/api/" is "/api": /api, /api/, /api/x, not /apix); a
 * host whose paths do not match falls through to the next wider one. Of two equal routes the
 * first configured one is found. A path that does not start with a slash ("*") is "/". NULL: none.
 *
 * Of routes with conditions, of one host and path, the one with the most conditions is asked
 * first, then the first configured one, and the one without any last; when none of them is for
 * this request, the search goes on as if that path were not there. accepts NULL: none ever is.
 */
const struct conf_route *route_index_find(const struct route_index *, struct slice host,
    struct slice path, route_accepts_fn *accepts, void *arg);

/* The path of a route as it is compared: a prefix is without its trailing slashes. */
struct slice route_index_path(const struct conf_route *);

#endif
