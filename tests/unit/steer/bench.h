/*
 * A bench with a service to decide for, fed as control feeds it: ticks of 100 ms, traffic by the
 * shares in force, endpoints that answer as the test says.
 */
#ifndef TEST_STEER_BENCH_H
#define TEST_STEER_BENCH_H

#include "steer/steer.h"

enum { BENCH_REGIONS = 4, BENCH_ENDPOINTS = 8 };

enum bench_answer { ANSWER_WELL, ANSWER_REFUSED, ANSWER_ERROR, ANSWER_LATE, ANSWER_SLOWLY, ANSWER_NEVER };

struct bench {
	struct steer *s;
	struct steer_plan plan;
	struct steer_region_plan regions[BENCH_REGIONS];
	uint32_t ids[BENCH_REGIONS][BENCH_ENDPOINTS];
	uint16_t weights[BENCH_ENDPOINTS];
	struct wishes wishes;
	const char *restored; /* told with the next tick */
	uint64_t now_ms;
	uint64_t wall_ms;
	double demand;
	uint32_t shed[BENCH_REGIONS]; /* a second, by the workers, who met the region's rate */
	uint32_t shed_in_flight[BENCH_REGIONS]; /* or what may be in flight there */
	uint32_t shed_for_memory; /* likewise, of no region in particular */
	double refused;                         /* a second, as no region was up */
	enum bench_answer answer[BENCH_REGIONS][BENCH_ENDPOINTS];
	double owed[BENCH_REGIONS]; /* requests not sent yet, less than one */
	unsigned turn[BENCH_REGIONS];
	uint32_t in_flight[BENCH_REGIONS];
	struct histogram_sum first_byte[BENCH_REGIONS];
	struct facts facts;           /* of the last tick */
	unsigned told[FACT_KINDS];    /* since the start */
	struct fact last[FACT_KINDS]; /* the last of each kind */
};

/* Regions "r0".. in tier 0, weight 1, no capacity, two checked endpoints; change it, then start. */
void bench_plan(struct bench *, unsigned regions);
void bench_start(struct bench *);
void bench_stop(struct bench *);
/* Regions named "r0".. of two tiers: the last one is the standby. All are up. */
void bench_start_pair(struct bench *);

void bench_probe(struct bench *, unsigned region, unsigned endpoint, enum endpoint_state);
void bench_probe_all(struct bench *, enum endpoint_state);
void bench_probe_region(struct bench *, unsigned region, enum endpoint_state);
void bench_answer(struct bench *, unsigned region, enum bench_answer);

bool bench_tick(struct bench *);
void bench_run(struct bench *, unsigned ms);
/* As if the control thread had not run. */
void bench_skip(struct bench *, int64_t ms);

/* The shares in force, one for each region, are these to half a percent. */
#define BENCH_SHARES(b, ...) bench_check_shares(b, (const double[]){ __VA_ARGS__ })
void bench_check_shares(const struct bench *, const double *due);
double bench_share_of(const struct bench *, unsigned region);
enum region_state bench_state(const struct bench *, unsigned region);
void bench_wish(struct bench *, enum wish_kind, const char *region, double share, unsigned for_ms);

#endif
