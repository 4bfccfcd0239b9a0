// SPDX-License-Identifier: Apache-2.0
#include "steer/budget.h"

#include <string.h>

/* Brings the window up to date; seconds nobody asked in were empty. */
static unsigned
slot_of(struct retry_budget *b, uint64_t now_ms)
{
	uint64_t second = now_ms / 1000 + 1;

	if (second <= b->second)
		return (unsigned)(b->second % BUDGET_SLOTS);
	if (second - b->second >= BUDGET_SLOTS) {
		memset(b->earned, 0, sizeof b->earned);
		memset(b->spent, 0, sizeof b->spent);
		memset(b->floor_spent, 0, sizeof b->floor_spent);
		b->second = second;
	}
	while (b->second < second) {
		b->second++;
		b->earned[b->second % BUDGET_SLOTS] = 0;
		b->spent[b->second % BUDGET_SLOTS] = 0;
		b->floor_spent[b->second % BUDGET_SLOTS] = 0;
	}
	/* Summed anew, so that rounding does not pile up. */
	b->earned_sum = 0;
	b->spent_sum = 0;
	b->floor_sum = 0;
	for (unsigned age = 0; age < BUDGET_SLOTS; age++) {
		unsigned slot = (unsigned)((second + BUDGET_SLOTS - age) % BUDGET_SLOTS);

		b->earned_sum += age < BUDGET_SECONDS ? b->earned[slot] : 0;
		b->spent_sum += b->spent[slot];
		b->floor_sum += b->floor_spent[slot];
	}
	return (unsigned)(second % BUDGET_SLOTS);
}

void
budget_earn(struct retry_budget *b, double share, uint64_t now_ms)
{
	b->earned[slot_of(b, now_ms)] += share;
	b->earned_sum += share;
}

/* A worker's part of the floor may be smaller than one. */
static bool
spend_floor(struct retry_budget *b, double floor_per_s, unsigned slot)
{
	double most = floor_per_s * BUDGET_SECONDS;

	if (floor_per_s <= 0)
		return false; /* and it stays what it is for those who may use it */
	if (b->floor_sum + 1.0 > (most < 1 ? 1 : most) + 1e-6)
		return false;
	b->floor_spent[slot]++;
	b->floor_sum++;
	return true;
}

bool
budget_spend(struct retry_budget *b, double floor_per_s, uint64_t now_ms)
{
	unsigned slot = slot_of(b, now_ms);

	/* A part of a token that is lost to binary fractions is no reason to refuse. */
	if (b->spent_sum + 1.0 > b->earned_sum + 1e-6)
		return spend_floor(b, floor_per_s, slot);
	b->spent[slot]++;
	b->spent_sum++;
	return true;
}
