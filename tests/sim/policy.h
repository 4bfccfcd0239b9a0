/*
 * How the steering core decides unless a configuration says otherwise: for the simulator, its
 * fuzzer and its unit tests, which have no configuration.
 */
#ifndef SIM_POLICY_H
#define SIM_POLICY_H

#include "steer/steer.h"

static const struct steer_policy usual_policy = {
	.share = { .overprovisioning = 1.4,
	    .panic_threshold = 0.5,
	    .max_utilization = 0.85,
	    .fail_open = true },
	.region = { .min_healthy = 0.25,
	    .hold_down_ms = 30000,
	    .ramp_ms = 60000,
	    .sensor_share = 0.05 },
	.outlier = { .consecutive = 3,
	    .failure_share = 0.5,
	    .min_tries = 20,
	    .base_ms = 30000,
	    .max_ms = 300000,
	    .max_ejected = 0.5,
	    .slow_start_ms = 10000 },
	.warm_up_ms = 30000,
	.move_per_s = 0.1,
	.shed_leave_per_s = 0.1,
};

#endif
