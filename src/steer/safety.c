/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steer/wish.h"

/* Less than this of demand is within what a limit's rounding sheds. */
static const double shed_tolerated = 0.001;

static bool
speaks_of(const struct safety_rule *rule, const char *region)
{
	if (rule->regions == NULL)
		return true;
	for (unsigned i = 0; i < rule->region_count; i++) {
		if (strcmp(rule->regions[i], region) == 0)
			return true;
	}
	return false;
}

static unsigned
count_all(const struct safety_rule *rule, const struct safety_after *after)
{
	unsigned n = 0;

	for (unsigned i = 0; i < after->region_count; i++)
		n += speaks_of(rule, after->regions[i]);
	return n;
}

/* Of the rule's set, as far as the regions exist. */
static unsigned
count_set(const struct safety_rule *rule, const struct safety_after *after, bool serving)
{
	unsigned n = 0;

	for (unsigned i = 0; i < after->region_count; i++)
		n += after->serving[i] == serving && speaks_of(rule, after->regions[i]);
	return n;
}

/*
 * never_together: not two of the set out at once. at_least counts what serves after the change; who
 * has fewer regions of the set than the number must keep them all.
 */
static bool
is_broken(const struct safety_rule *rule, const struct safety_after *after)
{
	uint64_t all;

	switch (rule->kind) {
	case SAFETY_AT_LEAST:
		all = count_all(rule, after);
		return count_set(rule, after, true) < (all < rule->number ? all : rule->number);
	case SAFETY_NEVER_TOGETHER:
		return count_set(rule, after, false) > 1;
	case SAFETY_CAPACITY:
		return after->shed > shed_tolerated;
	case SAFETY_WAIT:
		return after->since_last_change_ms < rule->number;
	}
	abort();
}

/* "east, west", or "regions" when it speaks of all. */
static void
name_set(const struct safety_rule *rule, char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "regions");
	for (unsigned i = 0; rule->regions != NULL && i < rule->region_count && len < size; i++)
		len += (size_t)snprintf(
		    buf + len, size - len, "%s%s", i > 0 ? ", " : "", rule->regions[i]);
}

size_t
safety_describe(const struct safety_rule *rule, char *buf, size_t size)
{
	char set[256];
	const char *of = rule->regions != NULL ? "of " : "";
	int len = 0;

	name_set(rule, set, sizeof set);
	switch (rule->kind) {
	case SAFETY_AT_LEAST:
		len = snprintf(buf, size, "at least %u %s%s must serve", rule->number, of, set);
		break;
	case SAFETY_NEVER_TOGETHER:
		len = snprintf(buf, size, "no two %s%s may be out at once", of, set);
		break;
	case SAFETY_CAPACITY:
		len = snprintf(buf, size, "the regions left must have the capacity for all demand");
		break;
	case SAFETY_WAIT:
		len = snprintf(buf, size, "%g s must pass between two changes by people",
		    rule->number / 1000.0);
		break;
	}
	return len > 0 ? (size_t)len : 0;
}

const struct safety_rule *
safety_broken(const struct safety_rule *rules, unsigned count, const struct safety_after *after,
    const char *overridden)
{
	for (unsigned i = 0; i < count; i++) {
		if (overridden != NULL && strcmp(rules[i].name, overridden) == 0)
			continue;
		if (is_broken(&rules[i], after))
			return &rules[i];
	}
	return NULL;
}
