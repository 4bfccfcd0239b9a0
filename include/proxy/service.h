/*
 * A worker's lasting view of a service and of its regions: what an exchange may hold across table
 * changes.
 *
 * By name; made when a table first names it, never freed before the worker (their number is
 * bounded by the names ever configured). Worker thread only.
 */
#ifndef PROXY_SERVICE_H
#define PROXY_SERVICE_H

#include <stdint.h>

#include "base/list.h"
#include "net/tls_client.h"
#include "proxy/lasting.h"
#include "steer/balance.h"
#include "steer/budget.h"
#include "steer/region.h"
#include "steer/table.h"

struct region_shard;
struct service_shard;

enum { LOOP_ID_SIZE = sizeof("detour-0123456789abcdef") };

struct service_region {
	char *name;
	const struct table_region *now; /* in the worker's table; NULL: no longer served from there */
	struct steering *steering; /* lasting, as the registry is */
	struct region_shard *counts; /* this worker's; NULL: not made yet */
	struct balancer *balancer; /* of now; NULL: not made yet */
	struct tls_client *tls; /* NULL: not made yet */
	uint32_t median_us; /* of the time to the answer's head, as it has been lately; 0: unknown */

	/* watch.c: tries of which nothing has come back, the oldest first */
	struct list node; /* in the worker's list while any is watched */
	struct list connecting;
	struct list sent; /* and not known to have arrived */
	struct list arrived; /* acknowledged: somebody works on it, or should */
	struct list left; /* nothing can be done for them but wait */
	enum region_state seen; /* at the last look */
	uint64_t down_seen_us; /* when a look first found it down */
	unsigned endpoints_seen; /* steering->generation at the last look */

	struct region_lasting lasting;
};

struct service {
	char *name;
	char loop_id[LOOP_ID_SIZE]; /* what marks a request that has been sent there */
	const struct table_service *now; /* in the worker's table; NULL: no longer served */
	const struct topology *topology; /* which one TLS was made for; compared only */
	uint64_t trust; /* grows as TLS is forgotten: what was agreed on before is void */
	struct service_region **all; /* every name ever seen */
	unsigned all_count;
	struct service_region **regions; /* by region of now */
	unsigned region_count;
	struct service_shard *counts; /* this worker's */
	struct retry_budget budget;
};

struct services;

/* loop_seed is this process's own, the same for all of its workers. */
struct services *services_new(unsigned worker, uint64_t loop_seed);
void services_free(struct services *);
/* Points each service at its place in the table; forgets balancers and TLS of the old one. */
void services_adopt(struct services *, const struct table *);
struct service *services_at(struct services *, unsigned index); /* by table_service.index */
unsigned services_count(const struct services *); /* in the table */

/* Made at first use; region is in the present table. */
struct balancer *service_balancer(struct service *, struct service_region *, unsigned worker,
    struct rng *);
struct tls_client *service_tls(struct service *, struct service_region *);

/* A try took so long to the answer's head. */
void service_region_learn(struct service_region *, uint64_t first_byte_us);
enum region_state service_region_state(const struct service_region *);
/* Is it sent new requests? One that is down is, where the service fails open. */
bool service_region_has_share(const struct service_region *);

/* For sets of a service's regions; 0: it has left the configuration. */
static inline uint64_t
service_region_bit(const struct service_region *r)
{
	return r->now != NULL ? 1ull << r->now->index : 0;
}

#endif
