/*
 * One region, played through moments of evidence in ticks of 100 ms; what it did is looked at at
 * the end of each.
 */
#ifndef TEST_STEER_REGION_PLAY_H
#define TEST_STEER_REGION_PLAY_H

#include "steer/region.h"

enum { TICK_MS = 100 };

/* Evidence, as it differs from that of a healthy region with two endpoints and some traffic. */
#define WELL .health = 1, .endpoints = 2, .tries_1s = 100
#define RESETS                                                                                     \
	.health = 1, .endpoints = 2, .tries_1s = 10, .local_1s = 3, .local_in_a_row = 3,           \
	.failing_endpoints = 2
#define SICK .health = 0, .endpoints = 2
#define GREY                                                                                       \
	.grey = true, .grey_signal = SIGNAL_ERRORS, .grey_value = 0.3, .grey_threshold = 0.02,     \
	.grey_peers = 2

/* Until then the evidence is this; then the region must be so. */
struct moment {
	uint64_t at_ms;
	struct region_evidence e;
	enum region_state state;
	double factor; /* negative: not looked at */
};

extern const struct region_policy automatic;
extern struct region region;
extern struct facts facts; /* all that it told since the last reset */
extern uint64_t now_ms;

/* In this state since 1 s, which is now. */
void reset(enum region_state);
/* Moments up to one with at_ms 0. */
void play(const struct region_policy *, const struct moment *);

#define PLAY(...) play(&automatic, (const struct moment[]){ __VA_ARGS__, { .at_ms = 0 } })

#endif
