/*
 * Which route a request finds, as far as the file can tell: by host and path alone. A set of names
 * holds the routes by their keys; those with conditions are none of it, for whether a request meets
 * them is not to be told.
 */
#ifndef CONF_ROUTE_NAMES_H
#define CONF_ROUTE_NAMES_H

struct arena;
struct conf_route;
struct names;

/* In the arena; routes of one host and path, and of one kind of path, have the same. */
const char *route_names_key(struct arena *, const struct conf_route *);
/* host: "" when it is any; "*.b" is a name under it that no exact route has. NULL: none. */
const struct conf_route *route_names_find(
    const struct names *, struct arena *scratch, const char *host, const char *path);

#endif
