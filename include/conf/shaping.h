/*
 * What a configuration says about requests on their way: conditions, splits, edits. Part of the
 * topology, as immutable and as long-lived.
 */
#ifndef CONF_SHAPING_H
#define CONF_SHAPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "conf/where.h"

struct conf_service;
struct regex;

/* Most bytes of the lines that one group of edits adds, as written, and of a CORS answer's. */
enum { CONF_EDITS_BYTES = 6 * 1024, CONF_CORS_BYTES = 2 * 1024 };

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

/* Who gets copies of a route's requests. */
struct conf_mirror {
	const struct conf_service *service;
	double percent; /* of the requests with one of the methods */
	const char **methods; /* safe or idempotent ones */
	unsigned method_count;
	uint32_t max_in_flight; /* of a worker */
	struct conf_where where;
};

/* A header field to say. */
struct conf_field {
	const char *name;
	const char *value; /* a template */
	struct conf_where where;
};

/* What is changed about a message's header fields. */
struct conf_edits {
	struct conf_field *set; /* in the place of all of the name */
	unsigned set_count;
	struct conf_field *add; /* beside them */
	unsigned add_count;
	const char **remove;
	unsigned remove_count;
	struct conf_where where;
};

/* Which pages of other origins may use what a route serves (Fetch standard, "CORS protocol"). */
struct conf_cors {
	const char **origins; /* with one star for a label, or a star alone */
	unsigned origin_count;
	const char **methods;
	unsigned method_count;
	const char **headers;
	unsigned header_count;
	const char **expose;
	unsigned expose_count;
	bool credentials;
	uint32_t max_age_ms;
	bool any_origin; /* derived: "*" */
	const char *lines; /* derived: the fields that are the same for every origin */
	struct conf_where where;
};

enum conf_same_site { SAME_SITE_LAX, SAME_SITE_STRICT, SAME_SITE_NONE };

/* Which endpoint a client met is kept in a cookie. */
struct conf_sticky {
	const char *cookie;
	uint32_t ttl_ms; /* 0: until the browser closes */
	enum conf_same_site same_site;
	const char *secret; /* NULL: none */
	struct siphash_key key; /* derived: of the names of endpoints */
	struct conf_where where;
};

/* A line of an htpasswd file. */
struct conf_user {
	const char *name;
	const char *hash; /* of a form that conf/password.h knows */
};

struct conf_basic_auth {
	const char *file;
	const char *realm;
	struct conf_user *users; /* derived: by name */
	unsigned user_count;
	struct conf_where where;
};

/* NULL: there is none of this name. */
const struct conf_user *conf_user_find(const struct conf_basic_auth *, const char *name);

#endif
