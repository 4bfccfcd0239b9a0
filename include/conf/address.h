/*
 * Addresses and endpoint URLs as people write them. Pure.
 */
#ifndef CONF_ADDRESS_H
#define CONF_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "conf/topology.h"

struct arena;

/* "1.2.3.4:80", "[::1]:80", ":80" (all IPv6 and IPv4), "unix:/path"; false with an error. */
bool conf_address_parse(const char *text, struct conf_address *, struct arena *, struct error *);

/*
 * A host name or an IPv4 address of len bytes: lower case and without a trailing dot, in the
 * arena; NULL with an error.
 */
const char *conf_host_parse(const char *text, size_t len, struct arena *, struct error *);

/* "host", "host:port", "[::1]:port": lower case, in the arena; NULL with an error. */
const char *conf_authority_parse(const char *text, struct arena *, struct error *);
/* The host of an authority, without port and brackets, in the arena. */
const char *conf_authority_host(const char *authority, struct arena *);

/* "http[s]://host[:port]" into tls, host, port, literal and addr; no path, query or user. */
bool conf_url_parse(const char *text, struct conf_endpoint *, struct arena *, struct error *);

#endif
