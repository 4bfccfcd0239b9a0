/*
 * A view of a proxy that does not run: a real table, real shards, numbers put in by the test.
 */
#ifndef TEST_CONTROL_VIEW_WORLD_H
#define TEST_CONTROL_VIEW_WORLD_H

#include "control/view.h"
#include "steer/endpoint.h"
#include "steer/table.h"

enum { VIEW_WORKERS = 2 };

extern struct view view;
extern struct worker_stats view_stats[VIEW_WORKERS];
extern struct controller_stats view_control;

/*
 * One service "shop": region "east" (tier 0, 2 endpoints), "west" (tier 0, 1), "far" (tier 1, 1).
 * All endpoints up, shares 70 %, 30 %, 0; view.now_ms is 1,000,000.
 */
void view_world_make(void);
void view_world_free(void);
/* Another table of the same service, without east's second endpoint. */
void view_world_shrink(void);
/* Brings the tally up to now_ms, and the view with it. */
void view_world_observe(uint64_t now_ms);

struct endpoint *view_endpoint(unsigned region, unsigned n);
const struct table_region *view_region(unsigned region);
/* n tries of a worker, answered with the class of status after us each. */
void view_traffic(struct endpoint *, unsigned worker, unsigned n, unsigned code_class, uint64_t us);

#endif
