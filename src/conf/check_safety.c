/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "conf/load.h"
#include "conf/names.h"

static unsigned
count_kinds(const struct conf_safety *rule)
{
	return (unsigned)(rule->at_least > 0) + (unsigned)(rule->never_together_count > 0) +
	    (unsigned)rule->capacity + (unsigned)(rule->wait_ms > 0);
}

/* A region named twice would count twice. */
static void
check_set(struct load *l, const struct conf_safety_region *set, unsigned count)
{
	struct names *seen = names_new();

	for (unsigned i = 0; i < count; i++) {
		const char *name = set[i].region == NULL ? NULL : set[i].region->name;
		const struct name *other =
		    name == NULL ? NULL : names_add(seen, name, &set[i], set[i].where);

		if (other != NULL)
			report_error(&l->report, &set[i].where,
			    "region \"%s\" is in this set already (%s:%u); remove one", name,
			    other->where.file, other->where.line);
	}
	names_free(seen);
}

static bool
states_capacity(const struct conf_service_region *r)
{
	return r->capacity > 0 || (r->region != NULL && r->region->capacity > 0);
}

/*
 * What states no capacity is taken to have enough, so the rule can refuse nothing while such a
 * region of the service is left.
 */
static void
check_capacity(struct load *l, const struct conf_safety *rule)
{
	const struct topology *t = l->topology;
	const struct conf_service_region *silent = NULL;
	unsigned stated = 0;

	if (report_errors(&l->report) > 0) /* a capacity may be what could not be read */
		return;
	for (unsigned i = 0; i < t->service_count; i++) {
		for (unsigned r = 0; r < t->services[i].region_count; r++) {
			const struct conf_service_region *region = &t->services[i].regions[r];

			stated += states_capacity(region);
			if (silent == NULL && !states_capacity(region))
				silent = region;
		}
	}
	if (stated == 0)
		report_warning(&l->report, &rule->where,
		    "capacity = true; can refuse nothing: no region states its capacity; write "
		    "capacity = ...; (requests per second) in each of regions, or remove the rule");
	else if (silent != NULL)
		report_warning(&l->report, &silent->where,
		    "region \"%s\" states no capacity, so the safety rule \"%s\" (%s:%u) takes it to "
		    "have enough for all; write capacity = ...; (requests per second)",
		    silent->region != NULL ? silent->region->name : "",
		    rule->name != NULL ? rule->name : "capacity", rule->where.file,
		    rule->where.line);
}

static void
check_rule(struct load *l, const struct conf_safety *rule)
{
	unsigned known = rule->region_count > 0 ? rule->region_count : l->topology->region_count;

	if (count_kinds(rule) != 1)
		report_error(&l->report, &rule->where,
		    "a safety rule is one of at_least, never_together, capacity and wait, this one "
		    "is %s; give each rule a group of its own",
		    count_kinds(rule) == 0 ? "none" : "several");
	if (rule->region_count > 0 && rule->at_least == 0)
		report_error(&l->report, &rule->where,
		    "regions without at_least say nothing; add at_least = 1; or remove them");
	if (rule->at_least > known && !l->partial[SET_REGION])
		report_error(&l->report, &rule->where,
		    "at_least = %u asks for more regions than the %u of its set, so no change "
		    "could ever be made; write %u or less",
		    rule->at_least, known, known);
	if (rule->never_together_count == 1)
		report_error(&l->report, &rule->where,
		    "never_together has one region only; name at least two");
	if (rule->capacity && count_kinds(rule) == 1 && rule->region_count == 0)
		check_capacity(l, rule);
	check_set(l, rule->regions, rule->region_count);
	check_set(l, rule->never_together, rule->never_together_count);
}

void
check_safety(struct load *l)
{
	const struct topology *t = l->topology;
	struct names *names = names_new();

	for (unsigned i = 0; i < t->safety_count; i++) {
		const struct conf_safety *rule = &t->safety[i];
		const struct name *other;

		check_rule(l, rule);
		if (rule->name == NULL)
			continue;
		other = names_add(names, rule->name, rule, rule->where);
		if (other != NULL)
			report_error(&l->report, &rule->where,
			    "another safety rule is called \"%s\" (%s:%u); give it a name of its "
			    "own, which --override can tell apart",
			    rule->name, other->where.file, other->where.line);
	}
	names_free(names);
}
