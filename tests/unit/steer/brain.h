/*
 * A brain with a service to decide for, fed as control feeds it: ticks of 100 ms, traffic by the
 * shares in force, endpoints that answer as the test says.
 */
#ifndef TEST_STEER_BRAIN_H
#define TEST_STEER_BRAIN_H

#include "steer/steer.h"

enum { BRAIN_REGIONS = 4, BRAIN_ENDPOINTS = 8 };

enum brain_answer { ANSWER_WELL, ANSWER_REFUSED, ANSWER_ERROR, ANSWER_SLOWLY, ANSWER_NEVER };

struct brain {
	struct steer *s;
	struct steer_plan plan;
	struct steer_region_plan regions[BRAIN_REGIONS];
	uint32_t ids[BRAIN_REGIONS][BRAIN_ENDPOINTS];
	uint16_t weights[BRAIN_ENDPOINTS];
	struct wishes wishes;
	const char *restored; /* told with the next tick */
	uint64_t now_ms;
	uint64_t wall_ms;
	double demand;
	enum brain_answer answer[BRAIN_REGIONS][BRAIN_ENDPOINTS];
	double owed[BRAIN_REGIONS]; /* requests not sent yet, less than one */
	unsigned turn[BRAIN_REGIONS];
	uint32_t in_flight[BRAIN_REGIONS];
	struct histogram_sum first_byte[BRAIN_REGIONS];
	struct facts facts;           /* of the last tick */
	unsigned told[FACT_KINDS];    /* since the start */
	struct fact last[FACT_KINDS]; /* the last of each kind */
};

/* Regions "r0".. in tier 0, weight 1, no capacity, two checked endpoints; change it, then start. */
void brain_plan(struct brain *, unsigned regions);
void brain_start(struct brain *);
void brain_stop(struct brain *);
/* Regions named "r0".. of two tiers: the last one is the standby. All are up. */
void brain_start_pair(struct brain *);

void brain_probe(struct brain *, unsigned region, unsigned endpoint, enum endpoint_state);
void brain_probe_all(struct brain *, enum endpoint_state);
void brain_probe_region(struct brain *, unsigned region, enum endpoint_state);
void brain_answer(struct brain *, unsigned region, enum brain_answer);

bool brain_tick(struct brain *);
void brain_run(struct brain *, unsigned ms);
/* As if the control thread had not run. */
void brain_skip(struct brain *, int64_t ms);

/* The shares in force, one for each region, are these to half a percent. */
#define BRAIN_SHARES(b, ...) brain_check_shares(b, (const double[]){ __VA_ARGS__ })
void brain_check_shares(const struct brain *, const double *due);
double brain_share_of(const struct brain *, unsigned region);
enum region_state brain_state(const struct brain *, unsigned region);
void brain_wish(struct brain *, enum wish_kind, const char *region, double share, unsigned for_ms);

#endif
