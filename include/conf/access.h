/*
 * What a configuration says about who may come, and how often. Part of the topology, as immutable
 * and as long-lived.
 */
#ifndef CONF_ACCESS_H
#define CONF_ACCESS_H

#include <stdint.h>

#include "base/ip.h"
#include "conf/where.h"

/* By what clients are told apart. */
enum conf_rate_key { RATE_KEY_CLIENT_IP, RATE_KEY_HEADER };

/* A token bucket for each client. */
struct conf_rate_limit {
	uint32_t rate; /* tokens that fall into it */
	uint32_t per_ms; /* in so long */
	uint32_t burst; /* what it holds; 0: as many as rate */
	enum conf_rate_key key;
	const char *header; /* of RATE_KEY_HEADER */
	struct conf_where where;
};

/* Rules of a route or a listener. */
struct conf_access {
	struct ip_set deny; /* goes before allow */
	struct ip_set allow; /* empty: everybody */
	struct conf_rate_limit *rate_limit; /* NULL: none */
};

#endif
