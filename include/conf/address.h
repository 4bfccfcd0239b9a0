/*
 * Addresses and endpoint URLs as people write them. Pure.
 */
#ifndef CONF_ADDRESS_H
#define CONF_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"
#include "conf/topology.h"

struct arena;

/* "1.2.3.4:80", "[::1]:80", ":80" (all IPv6 and IPv4), "unix:/path"; false with an error. */
bool conf_address_parse(const char *text, struct conf_address *, struct arena *, struct error *);

/* "http[s]://host[:port]" into tls, host, port, literal and addr; no path, query or user. */
bool conf_url_parse(const char *text, struct conf_endpoint *, struct arena *, struct error *);

#endif
