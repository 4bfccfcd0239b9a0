/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/demands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "conf/known.h"
#include "conf/topology.h"

/* Beyond this rates would only be typing mistakes. */
#define MOST_PER_S 1e9

static bool
parse_rate(const char *text, double *per_s)
{
	char *end;

	/* "inf", "nan" and "0x10" are numbers to strtod() */
	if (strspn(text, "0123456789.") == 0)
		return false;
	*per_s = strtod(text, &end);
	return (*end == '\0' || strcmp(end, "/s") == 0) && isfinite(*per_s) && *per_s > 0 &&
	    *per_s <= MOST_PER_S && strspn(text, "0123456789.") == (size_t)(end - text);
}

bool
demands_add(struct demands *d, const char *text, struct error *error)
{
	const char *equals = strrchr(text, '=');
	struct demand one = { .service = NULL };

	if (equals != NULL && equals > text) {
		one.service = text;
		one.service_len = (unsigned)(equals - text);
	}
	if (equals == text || !parse_rate(equals != NULL ? equals + 1 : text, &one.per_s)) {
		error_set(error,
		    "--demand '%s' is no rate; write requests per second of each service, 300 or "
		    "300/s, or of one, shop=300",
		    text);
		return false;
	}
	d->list = mem_resize(d->list, (d->count + 1) * sizeof d->list[0]);
	d->list[d->count++] = one;
	return true;
}

static bool
is_named(const struct demand *d, const char *service)
{
	return d->service != NULL && strlen(service) == d->service_len &&
	    memcmp(d->service, service, d->service_len) == 0;
}

static bool
is_known(const struct demand *d, const struct topology *t, struct error *error)
{
	char name[2 * CONF_NAME_MAX], text[2 * KNOWN_BYTES] = "";
	struct known known = { .nearest.word = name };

	if (d->service == NULL)
		return true;
	snprintf(name, sizeof name, "%.*s", (int)d->service_len, d->service);
	for (unsigned i = 0; i < t->service_count; i++) {
		if (is_named(d, t->services[i].name))
			return true;
		known_offer(&known, t->services[i].name);
	}
	known_say(&known, text, sizeof text);
	error_set(error, "there is no service '%s' in %s%s", name, t->path, text);
	return false;
}

bool
demands_fit(const struct demands *d, const struct topology *t, struct error *error)
{
	for (unsigned i = 0; i < d->count; i++) {
		if (!is_known(&d->list[i], t, error))
			return false;
	}
	return true;
}

double
demands_of(const struct demands *d, const char *service)
{
	double each = 0, named = 0;

	for (unsigned i = 0; i < d->count; i++) {
		if (d->list[i].service == NULL)
			each = d->list[i].per_s;
		else if (is_named(&d->list[i], service))
			named = d->list[i].per_s;
	}
	return named > 0 ? named : each;
}

void
demands_free(struct demands *d)
{
	mem_free(d->list);
	*d = (struct demands){ .list = NULL };
}
