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
		b->second = second;
	}
	while (b->second < second) {
		b->second++;
		b->earned[b->second % BUDGET_SLOTS] = 0;
		b->spent[b->second % BUDGET_SLOTS] = 0;
	}
	/* Summed anew, so that rounding does not pile up. */
	b->earned_sum = 0;
	b->spent_sum = 0;
	for (unsigned age = 0; age < BUDGET_SLOTS; age++) {
		unsigned slot = (unsigned)((second + BUDGET_SLOTS - age) % BUDGET_SLOTS);

		b->earned_sum += age < BUDGET_SECONDS ? b->earned[slot] : 0;
		b->spent_sum += b->spent[slot];
	}
	return (unsigned)(second % BUDGET_SLOTS);
}

void
budget_earn(struct retry_budget *b, double share, uint64_t now_ms)
{
	b->earned[slot_of(b, now_ms)] += share;
	b->earned_sum += share;
}

/* Less than one a second saves up to one: a worker's part of the floor may be that small. */
static bool
spend_floor(struct retry_budget *b, double floor_per_s, uint64_t now_ms)
{
	double most = floor_per_s < 1 ? 1 : floor_per_s;

	if (floor_per_s <= 0)
		return false; /* and it stays what it is for those who may use it */
	if (b->floor_ms == 0)
		b->floor_tokens = most;
	else if (now_ms > b->floor_ms)
		b->floor_tokens += floor_per_s * (double)(now_ms - b->floor_ms) / 1000;
	if (b->floor_tokens > most)
		b->floor_tokens = most;
	b->floor_ms = now_ms > 0 ? now_ms : 1;
	if (b->floor_tokens < 1.0)
		return false;
	b->floor_tokens -= 1.0;
	return true;
}

bool
budget_spend(struct retry_budget *b, double floor_per_s, uint64_t now_ms)
{
	unsigned slot = slot_of(b, now_ms);

	/* A part of a token that is lost to binary fractions is no reason to refuse. */
	if (b->spent_sum + 1.0 > b->earned_sum + 1e-6)
		return spend_floor(b, floor_per_s, now_ms);
	b->spent[slot]++;
	b->spent_sum++;
	return true;
}
