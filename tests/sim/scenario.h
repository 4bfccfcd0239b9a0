/*
 * A scenario: a world and what goes wrong in it, as data. The same text gives the same run, so a
 * failure is kept as a file (tests/sim/seeds).
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SIM_REGIONS = 5, SIM_ENDPOINTS = 20, SIM_TROUBLES = 24 };

enum trouble_scope { SCOPE_ENDPOINTS, SCOPE_REGION, SCOPE_PROXY };

enum trouble_kind {
#define TROUBLE(name, word, scope, odds, text) TROUBLE_##name,
#include "trouble.def"
#undef TROUBLE
	TROUBLE_KINDS
};

struct trouble {
	enum trouble_kind kind;
	uint32_t at_ms;
	uint32_t for_ms;
	uint32_t period_ms;    /* it comes and goes: half of each period; 0: it stays */
	unsigned region;       /* SIM_REGIONS: all of them */
	unsigned first, count; /* endpoints of each region; count 0: all */
	double amount;
};

struct scenario_region {
	unsigned tier;
	unsigned weight;
	double capacity;     /* as stated, requests per second; 0: not stated */
	double real;         /* what it can do */
	unsigned latency_us; /* median, unloaded */
};

struct scenario {
	uint64_t seed; /* of the noise */
	uint32_t run_ms;
	unsigned region_count;
	unsigned endpoint_count; /* of each region */
	struct scenario_region region[SIM_REGIONS];
	double demand; /* requests per second */
	double wave;   /* demand swings by this part of itself, in ten minutes */
	double safe;   /* share of requests that may be repeated */
	double again;  /* share of failed requests that the client sends again */
	double standby_share;
	bool fail_open;
	bool spill_all_down;
	unsigned trouble_count;
	struct trouble trouble[SIM_TROUBLES];
};

const char *trouble_word(enum trouble_kind);
enum trouble_scope trouble_scope(enum trouble_kind);
/* Of a hundred draws or so; see trouble.def. */
unsigned trouble_odds(enum trouble_kind);

/* Everything follows from the seed. calm: nothing goes wrong. */
void scenario_draw(struct scenario *, uint64_t seed, bool calm);
/* The most that is promised: 5 regions of 20 endpoints, one fault after another. */
void scenario_draw_full(struct scenario *, uint64_t seed);

void scenario_write(const struct scenario *, FILE *);
/* False: said on stderr what does not parse. */
bool scenario_read(struct scenario *, FILE *, const char *name);

#endif
