// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_abuse.h"

#include <stddef.h>

#include "conf/topology.h"

enum {
	NOISE_MAX = 4000,
	NOISE_PER_MS = 1,
	NOISE_PER_SENT = 4, /* what one frame of ours excuses */
};

static void
turn(struct h2_abuse *a, uint64_t now_ms)
{
	if (now_ms - a->since_ms < a->limits->h2_reset_window_ms)
		return;
	a->since_ms = now_ms;
	a->requests = a->resets = a->errors = 0;
}

static bool
too_many_resets(const struct h2_abuse *a)
{
	const struct conf_client_limits *l = a->limits;

	return a->resets > l->h2_max_resets ||
	    (a->requests >= l->h2_reset_requests && a->resets > a->requests * l->h2_reset_share);
}

static bool
bearable(struct h2_abuse *a)
{
	if (too_many_resets(a))
		a->why = "too many requests broken off";
	else if (a->errors > a->limits->h2_max_errors)
		a->why = "too many streams in error";
	else if (a->noise > NOISE_MAX)
		a->why = "too many frames without work";
	return a->why == NULL;
}

bool
h2_abuse_request(struct h2_abuse *a, uint64_t now_ms)
{
	turn(a, now_ms);
	a->requests++;
	return bearable(a);
}

bool
h2_abuse_reset(struct h2_abuse *a, uint64_t now_ms)
{
	turn(a, now_ms);
	a->resets++;
	return bearable(a);
}

bool
h2_abuse_error(struct h2_abuse *a, uint64_t now_ms)
{
	turn(a, now_ms);
	a->resets++;
	a->errors++;
	return bearable(a);
}

bool
h2_abuse_noise(struct h2_abuse *a, uint64_t now_ms)
{
	uint64_t leaked = (now_ms - a->looked_ms) * NOISE_PER_MS;

	a->noise = leaked < a->noise ? a->noise - (uint32_t)leaked : 0;
	a->looked_ms = now_ms;
	a->noise++;
	return bearable(a);
}

void
h2_abuse_sent(struct h2_abuse *a)
{
	a->noise = a->noise > NOISE_PER_SENT ? a->noise - NOISE_PER_SENT : 0;
}
