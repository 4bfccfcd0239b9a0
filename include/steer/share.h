/*
 * Which regions serve a service, and how much of it each. Pure.
 *
 * The lowest tier with a healthy region serves, by weight; when no endpoint anywhere is up, the
 * checks are what is doubted and the configured weights of the lowest tier stand (fail open).
 * A region without an endpoint, or with weight 0, never gets a share.
 */
#ifndef STEER_SHARE_H
#define STEER_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct share_region {
	uint32_t tier;
	uint32_t weight;
	uint32_t endpoints; /* configured and resolved */
	uint32_t up;
	uint32_t unknown; /* not probed yet */
};

enum { SHARE_WHOLE = 65536 };

enum share_mode {
	SHARE_NORMAL,
	SHARE_UNPROVEN, /* nothing up yet, but some not probed yet: those serve */
	SHARE_FAIL_OPEN, /* everything is down: health is ignored */
	SHARE_NOTHING, /* no endpoint exists, or only in regions of weight 0 */
};

/* shares[i] of SHARE_WHOLE; they sum to SHARE_WHOLE exactly unless SHARE_NOTHING (all 0). */
enum share_mode share_compute(const struct share_region *, unsigned count, uint32_t *shares);

#endif
