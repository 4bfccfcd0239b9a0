/* SPDX-License-Identifier: Apache-2.0 */
/* A director whose probes and workers are the test. */
#ifndef TEST_CONTROL_WARD_H
#define TEST_CONTROL_WARD_H

#include "base/fault.h"
#include "control/director.h"
#include "rig.h"
#include "world.h"

struct state;

enum { EJECT_MS = 300, TICK_MS = 20, WORKERS = 2 };

struct ward {
	struct director *director;
	struct controller_stats stats;
	struct endpoint_registry *endpoints;
	struct steering_registry *steerings;
	struct touched *touched[WORKERS];
	struct topology *topology;
	struct table *table;
	unsigned wanted;
	unsigned lost;
};

/* The topology is the ward's from now on. */
void ward_use(struct ward *w, struct topology *t);
/* resumed: what an earlier process knew, or NULL. */
void ward_open_on(struct ward *w, struct topology *t, const struct state *resumed);
void ward_open(struct ward *w, const struct world *world);
void ward_close(struct ward *w);
struct endpoint *ward_endpoint(const struct ward *w, unsigned region, unsigned n);
struct steering *ward_steering(const struct ward *w, unsigned region);
void ward_tick(struct ward *w);
/* What a worker counts around a try that succeeds, or fails by this fault. */
void ward_serve(struct ward *w, unsigned region, unsigned n, unsigned worker, enum fault why);
/* A verdict of its checks. */
void ward_tell(struct ward *w, unsigned region, unsigned n, enum endpoint_state state);
void ward_tell_all(struct ward *w, enum endpoint_state state);
/* Two regions of two endpoints. */
struct world ward_two_by_two(const struct conf_health_check *check);

#endif
