/*
 * Topologies made by hand and tables caught on their way to a worker.
 */
#ifndef TEST_CONTROL_WORLD_H
#define TEST_CONTROL_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "conf/topology.h"
#include "proxy/pressure.h"
#include "steer/endpoint.h"
#include "steer/table.h"

struct director;

enum { WORLD_REGIONS = 4, WORLD_ENDPOINTS = 8 };

struct world_region {
	const char *name;
	uint32_t tier;
	uint32_t weight; /* 0: 100 */
	const char *host; /* Host to send */
	bool tls;
	struct conf_upstream_tls trust;
	const char *dns; /* a name instead of 127.0.0.1 */
	uint16_t ports[WORLD_ENDPOINTS]; /* up to the first 0 */
};

struct world {
	struct conf_health_check check;
	struct world_region regions[WORLD_REGIONS]; /* up to the first without a name */
};

/* Checks every 100 ms (in transition every 20 ms), times out after 1 s, falls at 3, rises at 2. */
extern const struct conf_health_check world_check;
extern const struct conf_health_check world_no_check;

/* One service, "shop". One reference. */
struct topology *world_topology(const struct world *);

/* The only service's nth endpoint of a region. */
struct endpoint *world_endpoint(const struct table *, unsigned region, unsigned n);
/* A worker counts a failure before it reports it. Of those that are in no table nothing is counted.
 */
void world_count(struct endpoint *, enum fault);
/* As a worker, counting too: of refusals, the one by which it knows that nobody is there. */
void world_report(struct director *, struct endpoint *, enum fault);
/* The i-th failure of two processes that die: what they had is lost, then they refuse. */
enum fault world_dying(unsigned i);
enum endpoint_state world_state(const struct endpoint *);
enum endpoint_reason world_reason(const struct endpoint *);
/* Of the region, in percent, rounded down. */
unsigned world_share(const struct table *, unsigned region);

/* A worker for tests: catches what is published. */
struct worker *world_worker(void);
void world_worker_free(struct worker *);
/* The newest table it was given, or NULL. Held until the next one is asked for. */
const struct table *world_worker_table(struct worker *);
/* What it was last told. */
enum pressure world_worker_pressure(const struct worker *);

/* Waits for a condition, for at most 5 s. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		uint64_t until_ms = clock_now_ms() + 5000;                                         \
		while (!(condition)) {                                                             \
			ck_assert_msg(clock_now_ms() < until_ms, "never: %s", #condition);         \
			world_pause();                                                             \
		}                                                                                  \
	} while (0)
void world_pause(void);

#endif
