// SPDX-License-Identifier: Apache-2.0
#include "proxy/body_rate.h"

#include <stdbool.h>

#include "conf/topology.h"

void
body_rate_begin(struct body_rate *r, uint64_t now_ms)
{
	*r = (struct body_rate){ now_ms, now_ms, 0 };
}

void
body_rate_add(struct body_rate *r, uint64_t bytes, uint64_t now_ms)
{
	r->bytes += bytes;
	r->last_ms = now_ms;
}

uint32_t
body_rate_judge(const struct body_rate *r, const struct conf_client_limits *limits, uint64_t now_ms)
{
	uint64_t quiet_ms = now_ms - r->last_ms;
	uint64_t took_ms = now_ms - r->start_ms;
	bool rated = limits->min_rate_bytes > 0 && limits->min_rate_grace_ms > 0;
	uint64_t wait_ms;

	if (quiet_ms >= limits->body_idle_ms)
		return 0;
	if (rated && took_ms >= limits->min_rate_grace_ms &&
	    r->bytes < took_ms / 1000 * limits->min_rate_bytes)
		return 0;
	wait_ms = limits->body_idle_ms - quiet_ms;
	if (rated && limits->min_rate_grace_ms < wait_ms)
		wait_ms = limits->min_rate_grace_ms;
	return (uint32_t)wait_ms;
}
