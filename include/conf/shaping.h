/*
 * What a configuration says about requests on their way: conditions, splits, edits. Part of the
 * topology, as immutable and as long-lived.
 */
#ifndef CONF_SHAPING_H
#define CONF_SHAPING_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/where.h"

struct conf_service;
struct regex;

/* A condition on a header field or a query parameter. */
struct conf_match {
	const char *name;
	const char *value; /* it equals this; NULL: another kind */
	const char *prefix; /* it begins so; NULL: another kind */
	const struct regex *regex; /* it matches; NULL: another kind */
	bool present; /* false: there is none */
	struct conf_where where;
};

/* A service's part of a route's requests, and how a client may choose it. */
struct conf_split {
	const struct conf_service *service;
	uint32_t weight;
	const char *header; /* "always" chooses it, "never" avoids it; NULL: none */
	const char *header_value; /* then only this value chooses it */
	const struct regex *header_regex; /* or what matches */
	const char *cookie; /* as header; NULL: none */
	struct conf_where where;
};

#endif
