/*
 * Which route takes a TLS connection that is passed on unopened: by the name its client asks for.
 * Pure.
 */
#ifndef CONF_SERVER_NAME_H
#define CONF_SERVER_NAME_H

#include "base/bytes.h"

struct conf_listener;
struct conf_route;

/* Sorts the listener's server_names as conf_server_name_find() wants them. */
void conf_server_names_sort(struct conf_listener *);

/*
 * The exact name, else the longest wildcard above it, else the route without a host; NULL: none.
 * name is lower case, empty if the client asked for none.
 */
const struct conf_route *conf_server_name_find(const struct conf_listener *, struct slice name);

#endif
