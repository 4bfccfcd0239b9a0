// SPDX-License-Identifier: Apache-2.0
#include "steer/budget.h"

static const double window_s = 10.0;

static double
seconds_since(uint64_t *then_ms, uint64_t now_ms)
{
	double s = *then_ms == 0 ? window_s : (double)(now_ms - *then_ms) / 1000.0;

	*then_ms = now_ms;
	return s < window_s ? s : window_s;
}

/* An exponential window: each arrival adds 1/window, time lets the rate fall by 1/window. */
void
budget_earn(struct retry_budget *b, double share, uint64_t now_ms)
{
	double most;

	if (b->rate_ms != now_ms)
		b->rate -= b->rate * seconds_since(&b->rate_ms, now_ms) / window_s;
	b->rate += 1.0 / window_s;
	b->tokens += share;
	most = share * b->rate * window_s;
	if (b->tokens > most)
		b->tokens = most;
}

bool
budget_spend(struct retry_budget *b, double floor_per_s, uint64_t now_ms)
{
	if (b->floor_ms != now_ms) {
		b->floor_tokens += floor_per_s * seconds_since(&b->floor_ms, now_ms);
		if (b->floor_tokens > floor_per_s)
			b->floor_tokens = floor_per_s;
	}
	if (b->tokens >= 1.0) {
		b->tokens -= 1.0;
		return true;
	}
	if (b->floor_tokens >= 1.0) {
		b->floor_tokens -= 1.0;
		return true;
	}
	return false;
}
