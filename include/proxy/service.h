/*
 * A worker's lasting view of a service: what an exchange may hold across table changes.
 *
 * By name; made when a table first names it, never freed before the worker (their number is
 * bounded by the names ever configured). Worker thread only.
 */
#ifndef PROXY_SERVICE_H
#define PROXY_SERVICE_H

#include <stdint.h>

#include "net/tls_client.h"
#include "steer/balance.h"
#include "steer/budget.h"
#include "steer/table.h"

struct service {
	char *name;
	const struct table_service *now; /* in the worker's table; NULL: no longer served */
	const struct topology *topology; /* which one tls below was made for; compared only */
	struct balancer **balancers; /* by region of now; NULL: not made yet */
	struct tls_client **tls; /* by region of now; NULL: not made yet */
	uint64_t trust; /* grows as tls is forgotten: what was agreed on before is void */
	unsigned region_count; /* of the two arrays */
	struct retry_budget budget;
};

struct services;

struct services *services_new(void);
void services_free(struct services *);
/* Points each service at its place in the table; forgets balancers and TLS of the old one. */
void services_adopt(struct services *, const struct table *);
struct service *services_at(struct services *, unsigned index); /* by table_service.index */

/* Made at first use. */
struct balancer *service_balancer(struct service *, unsigned region, unsigned worker,
    struct rng *);
struct tls_client *service_tls(struct service *, unsigned region);

#endif
