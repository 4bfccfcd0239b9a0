/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/share.h"

#include <stddef.h>
#include <stdlib.h>

/* Can this region serve at all, under what is believed in this mode? */
static bool
serves(const struct share_region *r, enum share_mode mode)
{
	if (r->weight == 0 || r->endpoints == 0)
		return false;
	switch (mode) {
	case SHARE_NORMAL:
		return r->up > 0;
	case SHARE_UNPROVEN:
		return r->unknown > 0;
	case SHARE_FAIL_OPEN:
		return true;
	case SHARE_NOTHING:
		return false;
	}
	abort();
}

/* The lowest tier in which a region serves; false: none does. */
static bool
lowest_tier(const struct share_region *regions, unsigned count, enum share_mode mode,
    uint32_t *tier)
{
	bool found = false;

	for (unsigned i = 0; i < count; i++) {
		if (!serves(&regions[i], mode) || (found && regions[i].tier >= *tier))
			continue;
		*tier = regions[i].tier;
		found = true;
	}
	return found;
}

/*
 * Largest remainder: each region its share rounded down, then one unit more for those that lost
 * most by the rounding (the first of equals). What is left over is less than one unit for each,
 * so a walk for each unit is short, and shares is the only memory needed.
 */
static void
divide(const struct share_region *regions, unsigned count, enum share_mode mode, uint32_t tier,
    uint32_t *shares)
{
	uint64_t total = 0;
	uint32_t left = SHARE_WHOLE;
	uint64_t bound = UINT64_MAX; /* remainders above this, or equal up to last, are settled */
	unsigned last = 0;

	for (unsigned i = 0; i < count; i++)
		if (regions[i].tier == tier && serves(&regions[i], mode))
			total += regions[i].weight;
	for (unsigned i = 0; i < count; i++) {
		shares[i] = 0;
		if (regions[i].tier != tier || !serves(&regions[i], mode))
			continue;
		shares[i] = (uint32_t)(regions[i].weight * (uint64_t)SHARE_WHOLE / total);
		left -= shares[i];
	}
	while (left > 0) {
		unsigned best = count;
		uint64_t best_remainder = 0;

		for (unsigned i = 0; i < count; i++) {
			uint64_t remainder = regions[i].weight * (uint64_t)SHARE_WHOLE % total;

			if (regions[i].tier != tier || !serves(&regions[i], mode))
				continue;
			if (remainder > bound || (remainder == bound && i <= last))
				continue;
			if (best == count || remainder > best_remainder) {
				best = i;
				best_remainder = remainder;
			}
		}
		shares[best]++;
		bound = best_remainder;
		last = best;
		left--;
	}
}

enum share_mode
share_compute(const struct share_region *regions, unsigned count, uint32_t *shares)
{
	static const enum share_mode ladder[] = { SHARE_NORMAL, SHARE_UNPROVEN, SHARE_FAIL_OPEN };
	uint32_t tier = 0;

	for (size_t i = 0; i < sizeof ladder / sizeof ladder[0]; i++) {
		if (!lowest_tier(regions, count, ladder[i], &tier))
			continue;
		divide(regions, count, ladder[i], tier, shares);
		return ladder[i];
	}
	for (unsigned i = 0; i < count; i++)
		shares[i] = 0;
	return SHARE_NOTHING;
}
