/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/bytes.h"
#include "conf/load.h"
#include "conf/topology.h"

/* RFC 9110 section 9.2.2: sent a second time, to whomever, they change nothing more. */
static bool
may_be_repeated(const char *method)
{
	static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

static bool
answers(const struct conf_route *r, const struct conf_service *s)
{
	bool found;

	/* all that are not there are one, without a name: that has been said already */
	if (s == NULL || s->name == NULL)
		return false;
	found = r->service == s;
	for (unsigned i = 0; i < r->split_count; i++)
		found = found || r->splits[i].service == s;
	return found;
}

void
check_mirror(struct load *l, const struct conf_route *r)
{
	const struct conf_mirror *m = r->mirror;

	if (m == NULL)
		return;
	if (r->service == NULL && r->split_count == 0)
		report_error(&l->report, &m->where,
		    "a redirect has no requests to copy; remove mirror, or add service = \"...\";");
	if (answers(r, m->service))
		report_error(&l->report, &m->where,
		    "service \"%s\" answers the route's requests and would get each twice; mirror "
		    "to another one",
		    m->service->name);
	for (unsigned i = 0; i < m->method_count; i++)
		if (!may_be_repeated(m->methods[i]))
			report_error(&l->report, &m->where,
			    "%s may not be sent twice (RFC 9110, 9.2.2), so it is not copied; "
			    "remove it "
			    "from methods",
			    m->methods[i]);
}
