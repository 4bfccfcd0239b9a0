/* SPDX-License-Identifier: Apache-2.0 */
/* From the shares in force towards the target, and from shares to words. */
#include <assert.h>
#include <math.h>

#include "steer/share.h"

/* Of a step, what the arithmetic of many may leave: who has that left would never have nothing. */
static const double dust = 1e-9;

/*
 * The hard part of a step: those who must leave do, and what they lose goes to those below their
 * target, in proportion to what each lacks.
 */
static void
step_hard(const double *now, const struct share_plan *target, const bool *hard, unsigned count,
    double *next)
{
	double lost = 0;
	double lacking = 0;

	for (unsigned i = 0; i < count; i++) {
		bool leaves = hard[i] && now[i] > target->share[i];

		next[i] = leaves ? target->share[i] : now[i];
		lost += now[i] - next[i];
		lacking += fmax(0, target->share[i] - now[i]);
	}
	if (lost <= 0 || lacking <= 0)
		return;
	for (unsigned i = 0; i < count; i++)
		next[i] += fmin(1, lost / lacking) * fmax(0, target->share[i] - next[i]);
}

void
share_step(const double *now, const struct share_plan *target, const bool *hard, unsigned count,
    double rate_per_s, uint64_t dt_ms, double *next)
{
	double most = rate_per_s * (double)dt_ms / 1000;
	double gains = 0;
	double losses = 0;
	double distance;

	step_hard(now, target, hard, count, next);
	for (unsigned i = 0; i < count; i++) {
		gains += fmax(0, target->share[i] - next[i]);
		losses += fmax(0, next[i] - target->share[i]);
	}
	distance = fmax(gains, losses);
	for (unsigned i = 0; i < count; i++) {
		if (distance <= most + dust)
			next[i] = target->share[i];
		else
			next[i] += most / distance * (target->share[i] - next[i]);
	}
}

/*
 * Largest remainder: each share rounded down, then one unit more for those that lost most by it
 * (the first of equals), until the words sum to the rounded sum of the shares. What is left over
 * is less than one unit for each, so a walk for each unit is short.
 */
void
share_words(const double *shares, unsigned count, uint32_t *words)
{
	double remainder[SHARE_MAX_REGIONS];
	double sum = 0;
	uint32_t left;

	assert(count <= SHARE_MAX_REGIONS);
	for (unsigned i = 0; i < count; i++)
		sum += shares[i];
	left = (uint32_t)(sum * SHARE_WHOLE + 0.5);
	for (unsigned i = 0; i < count; i++) {
		double exact = fmax(0, shares[i]) * SHARE_WHOLE;

		words[i] = (uint32_t)exact;
		if (words[i] > left)
			words[i] = left;
		remainder[i] = exact - words[i];
		left -= words[i];
	}
	while (left > 0) {
		unsigned best = count;

		for (unsigned i = 0; i < count; i++) {
			if (remainder[i] > 0 && (best == count || remainder[i] > remainder[best]))
				best = i;
		}
		if (best == count)
			return;
		words[best]++;
		remainder[best] = 0;
		left--;
	}
}
