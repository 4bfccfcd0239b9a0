/*
 * The routing table: routes, services, their regions and endpoints. Immutable, built whole by
 * control, handed whole to each worker; a table is valid only inside the callback that read it.
 *
 * Counted by holders (each worker, control and main hold at most one each); the last holder's
 * table_release() frees it. The heavy part, the route index, is shared between tables of the same
 * topology, so that a DNS answer does not rebuild 100,000 routes.
 */
#ifndef STEER_TABLE_H
#define STEER_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "steer/endpoint.h"

struct conf_route;
struct conf_service;
struct conf_service_region;
struct route_index;
struct topology;

/* A region's part in one service, as the workers pick from it. */
struct table_region {
	const struct conf_service_region *conf;
	const char *name;
	unsigned index; /* in table_service.regions */
	struct endpoint **endpoints;
	uint16_t *weights; /* configured, parallel to endpoints */
	unsigned endpoint_count;
	const uint32_t *maglev; /* maglev_size slots of indices into endpoints, or NULL */
	uint32_t maglev_size; /* a prime, or 0 */
	struct steering *steering; /* lasting: survives tables by (service, region) name */
};

struct table_service {
	const struct conf_service *conf;
	unsigned index;
	struct table_region *regions;
	unsigned region_count;
};

/*
 * What control tells all workers about a region of a service: words written in place by control,
 * read relaxed at each pick. Lasting by (service, region) name, owned by the steering registry.
 */
struct steering {
	atomic_uint share; /* of the service's new requests, in 1/65536; 0: none */
	atomic_uint usable; /* endpoints up; 0 and share > 0: failing open, health is ignored */
	atomic_uint generation; /* grows with each change of an endpoint's word in the region */
	atomic_uint refs; /* control only: tables that name it */
	const char *service;
	const char *region;
};

struct table {
	struct topology *topology; /* one reference */
	struct route_index *routes; /* counted */
	struct table_service *services; /* same order as topology.services */
	unsigned service_count;
	uint64_t generation; /* grows with each table control builds */
	atomic_uint holders;
	void *listeners; /* opaque here: the listening sockets that belong to this topology */
};

/* Addresses control knows for one configured endpoint (a literal has one). */
struct table_addresses {
	const struct sockaddr_storage *list;
	const socklen_t *lens;
	unsigned count;
};

/* Asked once for each configured endpoint that is a name; may answer with count 0. */
typedef struct table_addresses table_resolve_fn(void *arg, const struct conf_service *,
    const struct conf_service_region *, unsigned endpoint);

struct steering_registry;
struct steering_registry *steering_registry_new(void);
void steering_registry_free(struct steering_registry *);

/*
 * Control thread. Builds a table with the given number of holders. Takes a reference on the
 * topology, on each endpoint, and shares old's route index when the topology is the same.
 */
struct table *table_build(struct topology *, const struct table *old, struct endpoint_registry *,
    struct steering_registry *, table_resolve_fn *, void *arg, unsigned holders);
/* Any thread. The last of the holders frees the table. */
void table_release(struct table *);

/*
 * The route for a request: host is lower case without port, path is normalised. Precedence: exact
 * host, then the longest wildcard, then any host; within a host an exact path, then the longest
 * prefix on a segment border; a host whose paths do not match falls through to the next wider one.
 * NULL: no route. Cost: bounded by the lengths of host and path, not by the number of routes.
 */
const struct conf_route *table_route(const struct table *, struct slice host, struct slice path);

const struct table_service *table_service_find(const struct table *, const char *name);

/* The index alone, for tests and benches. */
struct route_index *route_index_build(const struct topology *);
void route_index_free(struct route_index *);
const struct conf_route *route_index_find(const struct route_index *, struct slice host,
    struct slice path);

#endif
