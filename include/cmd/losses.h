/*
 * What the loss of a region would mean for each service, worked out from a configuration alone.
 */
#ifndef CMD_LOSSES_H
#define CMD_LOSSES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct demands;
struct topology;

struct losses_question {
	const char *region; /* that is lost; NULL: each in turn */
	/* Where none is said of a service, max_utilization of what its first tier can take. */
	const struct demands *demands;
};

/*
 * Prints a table for each service. quiet: only what cannot be absorbed. False when some loss cannot
 * be: no region is left, a capacity that is stated does not suffice for what remains, or a safety
 * rule does not hold any more; or when a demand that is said does not fit with nothing lost. What is
 * not stated is not missed; a service of one region is said to have no failover, and its loss counts
 * by a safety rule only.
 */
bool losses_print(FILE *, struct topology *, const struct losses_question *, bool quiet);
/*
 * The same as [{"service", "demand", "demand_assumed", "shed", "max_utilization", "one_region",
 * "not_in", "losses": [{"region", "absorbed", "no_region_left", "shed", "shed_rate", "breaks",
 * "rule", "shares": {REGION: {"before", "after"}}}]}]. not_in: the region asked for, if the service
 * does not have it, and so no loss; else null. rule: what the one it breaks asks for. A new
 * reference.
 */
json_t *losses_json(struct topology *, const struct losses_question *, bool *absorbed);

#endif
