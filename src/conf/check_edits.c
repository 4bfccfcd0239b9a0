/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/bytes.h"
#include "conf/load.h"
#include "conf/topology.h"

#define MOST_NAMES 32 /* in one group: what a message's writer has room for */

/* Why nobody may touch this field, or NULL. */
static const char *
why_not(const char *name)
{
	static const struct {
		const char *name, *why; /* a name that ends in "-" is a beginning */
	} fields[] = {
		{ "connection", "belongs to the connection" },
		{ "keep-alive", "belongs to the connection" },
		{ "proxy-", "belongs to the connection" },
		{ "te", "belongs to the connection" },
		{ "upgrade", "belongs to the connection" },
		{ "http2-settings", "belongs to the connection" },
		{ "trailer", "tells where a message ends" },
		{ "transfer-encoding", "tells where a message ends" },
		{ "content-length", "tells where a message ends" },
		{ "expect", "is answered by Detour" },
		{ "host", "is set by services[].regions[].host" },
		{ "via", "is set by services[].via" },
		{ "forwarded", "is what Detour vouches for" },
		{ "x-forwarded-", "is what Detour vouches for" },
		{ "x-real-ip", "is what Detour vouches for" },
		{ "x-request-id", "is what Detour vouches for" },
		{ "x-mirrored-from", "is what Detour vouches for" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		size_t len = strlen(fields[i].name);
		bool beginning = fields[i].name[len - 1] == '-';

		if (strncasecmp(name, fields[i].name, len) == 0 && (beginning || name[len] == '\0'))
			return fields[i].why;
	}
	return NULL;
}

static void
check_name(struct load *l, const struct conf_where *where, const char *name)
{
	const char *why = name == NULL ? NULL : why_not(name);

	if (why != NULL)
		report_error(&l->report, where, "%s %s and can't be changed; remove it", name, why);
}

static void
check_fields(struct load *l, const struct conf_field *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		check_name(l, &list[i].where, list[i].name);
		for (const char *at = list[i].value; at != NULL && *at != '\0'; at++)
			if ((unsigned char)*at < ' ' || *at == 0x7f) {
				report_error(&l->report, &list[i].where,
				    "the value of %s holds a control character; remove it",
				    list[i].name);
				break;
			}
	}
}

static size_t
bytes_of(const struct conf_field *list, unsigned count)
{
	size_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		if (list[i].name != NULL && list[i].value != NULL)
			sum += strlen(list[i].name) + strlen(list[i].value) + sizeof ": \r\n" - 1;
	return sum;
}

static void
check_bytes(struct load *l, const struct conf_edits *e)
{
	size_t bytes = bytes_of(e->set, e->set_count) + bytes_of(e->add, e->add_count);

	if (bytes > CONF_EDITS_BYTES)
		report_error(&l->report, &e->where,
		    "the fields that are set or added are %zu bytes together, and %d is the most; "
		    "leave some out or write them shorter",
		    bytes, CONF_EDITS_BYTES);
}

void
check_edits(struct load *l, const struct conf_edits *e)
{
	if (e == NULL)
		return;
	check_fields(l, e->set, e->set_count);
	check_fields(l, e->add, e->add_count);
	for (unsigned i = 0; i < e->remove_count; i++)
		check_name(l, &e->where, e->remove[i]);
	if (e->set_count + e->add_count + e->remove_count > MOST_NAMES)
		report_error(&l->report, &e->where,
		    "%u fields are set, added or removed, and %d is the most; leave some out",
		    e->set_count + e->add_count + e->remove_count, MOST_NAMES);
	check_bytes(l, e);
}

/* RFC 3986 section 3.1. */
static bool
is_scheme(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && strchr("+-.", text[i]) == NULL)
			return false;
	return isalpha((unsigned char)text[0]);
}

static bool
is_origin(const char *text)
{
	const char *host = strstr(text, "://");

	if (host == NULL || !is_scheme(text, (size_t)(host - text)))
		return false;
	host += 3;
	if (strncmp(host, "*.", 2) == 0)
		host += 2;
	return *host != '\0' && strcspn(host, "*/?# \t") == strlen(host);
}

static size_t
bytes_of_list(const char *const *list, unsigned count)
{
	size_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += list[i] != NULL ? strlen(list[i]) + sizeof ", " - 1 : 0;
	return sum;
}

static void
check_lists(struct load *l, const struct conf_cors *c)
{
	enum { NAMES_AND_AGE = 256 };
	size_t bytes = NAMES_AND_AGE + bytes_of_list(c->methods, c->method_count) +
	    bytes_of_list(c->headers, c->header_count) + bytes_of_list(c->expose, c->expose_count);

	if (bytes > CONF_CORS_BYTES)
		report_error(&l->report, &c->where,
		    "methods, headers and expose are %zu bytes together, and %d is the most; leave "
		    "some out",
		    bytes, CONF_CORS_BYTES);
}

void
check_cors(struct load *l, const struct conf_cors *c)
{
	if (c == NULL)
		return;
	check_lists(l, c);
	if (c->origin_count == 0)
		report_error(&l->report, &c->where,
		    "cors has no origin; leave origins out for any, or remove cors");
	if (c->any_origin && c->credentials)
		report_error(&l->report, &c->where,
		    "with credentials every page there is could act as the user; name the origins "
		    "that may");
	for (unsigned i = 0; i < c->origin_count && !c->any_origin; i++)
		if (!is_origin(c->origins[i]))
			report_error(&l->report, &c->where,
			    "\"%s\" is no origin; write \"https://a.example.com\", "
			    "\"https://*.example.com\", or \"*\" alone",
			    c->origins[i]);
}
