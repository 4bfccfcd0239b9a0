/*
 * A running controller with one worker that is none, and what tests do with it.
 */
#ifndef TEST_CONTROL_RIG_H
#define TEST_CONTROL_RIG_H

#include <check.h>

#include "base/fault.h"
#include "control/controller.h"
#include "origin.h"
#include "world.h"

struct rig {
	struct controller *controller;
	struct worker *worker;
	struct ring *ring;
	int urgent_fd;
};

extern const struct origin_answer rig_fine; /* 200 */

struct rig rig_start(void);
void rig_stop(struct rig *);

void rig_apply(struct rig *, const struct world *);
/* Applies, and waits for the table that comes of it. */
const struct table *rig_apply_and_wait(struct rig *, const struct world *);
/* As a worker does when a try has failed. */
void rig_report(struct rig *, struct endpoint *, enum fault);
/* Until control has seen all that was reported so far. */
void rig_wait_for_reports(struct rig *);
unsigned long long rig_checks(const struct rig *);

/* Tier 0 and tier 1, with an endpoint each. */
struct world rig_two_regions(const struct conf_health_check *, uint16_t east, uint16_t west);

int rig_main(Suite *);

#endif
