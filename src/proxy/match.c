// SPDX-License-Identifier: Apache-2.0
#include "proxy/match.h"

#include "base/regex.h"
#include "conf/topology.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/worker_state.h"

enum { PARAMETER_MAX = 1024 }; /* of a query parameter that is compared, decoded */

static bool
has_method(const struct conf_route *r, const struct exchange *x)
{
	struct slice method = head_slice(&x->head, x->head.method_text);

	for (unsigned i = 0; i < r->method_count; i++)
		if (slice_eq(slice_of(r->methods[i]), method))
			return true;
	return r->method_count == 0;
}

static bool
value_fits(const struct conf_match *m, const struct exchange *x, struct slice value)
{
	if (m->value != NULL)
		return slice_eq(value, slice_of(m->value));
	if (m->prefix != NULL)
		return slice_starts(value, slice_of(m->prefix));
	return m->regex == NULL || regex_find(m->regex, x->worker->regex, value, NULL);
}

/* Of several fields of one name any may do. */
static bool
header_fits(const struct conf_match *m, const struct exchange *x)
{
	struct slice name = slice_of(m->name);

	for (unsigned i = 0; i < x->head.field_count; i++) {
		const struct field *f = &x->head.fields[i];

		if (slice_eq_nocase(field_name(&x->head, f), name) &&
		    value_fits(m, x, field_value(&x->head, f)))
			return m->present;
	}
	return !m->present;
}

static bool
query_fits(const struct conf_match *m, const struct exchange *x)
{
	char buf[PARAMETER_MAX];
	struct slice rest = head_slice(&x->head, x->head.query);
	struct slice name = slice_of(m->name), value;

	while (query_next(&rest, name, buf, sizeof buf, &value))
		if (value_fits(m, x, value))
			return m->present;
	return !m->present;
}

bool
match_accepts(const struct conf_route *r, void *exchange)
{
	const struct exchange *x = exchange;

	if (!has_method(r, x))
		return false;
	for (unsigned i = 0; i < r->header_count; i++)
		if (!header_fits(&r->headers[i], x))
			return false;
	for (unsigned i = 0; i < r->query_count; i++)
		if (!query_fits(&r->query[i], x))
			return false;
	return true;
}
