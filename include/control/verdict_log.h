/*
 * Log lines about verdicts and shares: each one is worth reading until a region of a thousand
 * endpoints goes down at once. So many a second are written, the others counted.
 *
 * One thread.
 */
#ifndef CONTROL_VERDICT_LOG_H
#define CONTROL_VERDICT_LOG_H

#include <stdint.h>

#include "steer/endpoint.h"
#include "steer/share.h"
#include "steer/table.h"

enum { VERDICT_LINES_PER_S = 20 };

/* Zero-initialised. */
struct verdict_log {
	uint64_t window_ms; /* when it began */
	unsigned lines;
	unsigned held_back;
};

void verdict_log_change(struct verdict_log *, const struct endpoint *, enum endpoint_state from,
    enum endpoint_state to, enum endpoint_reason, uint32_t detail, uint64_t now_ms);

/* One service's shares, parallel to its regions. */
struct share_change {
	enum share_mode mode;
	const uint32_t *before;
	const uint32_t *after;
	const uint32_t *up; /* endpoints */
};
void verdict_log_shares(struct verdict_log *, const struct table_service *,
    const struct share_change *, uint64_t now_ms);
/* Says how many were held back, once their window is over. */
void verdict_log_tick(struct verdict_log *, uint64_t now_ms);

#endif
