/* SPDX-License-Identifier: Apache-2.0 */
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
