/*
 * One scenario played to its end, and a failing one made short.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>

#include "judge.h"
#include "scenario.h"

struct run_result {
	struct violation found; /* rule NULL: all held */
	uint64_t requests, served, failed, shed;
	uint32_t played_ms;
};

/* trace: prints facts and, each second, states and shares. */
void run_scenario(const struct scenario *, bool trace, struct run_result *);
/*
 * The same failure from less: troubles left out or shortened, the run cut, the world made smaller.
 * The scenario is changed in place; returns how many runs it took.
 */
unsigned run_shrink(struct scenario *, const char *rule);

#endif
