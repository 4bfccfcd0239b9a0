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
#include "conf/route_index.h"
#include "steer/steering.h"

struct arena;
struct conf_route;
struct conf_service;
struct conf_service_region;
struct maglev_slots;
struct sticky_name;
struct topology;

/* A region's part in one service, as the workers pick from it. */
struct table_region {
	const struct conf_service_region *conf;
	const char *name;
	unsigned index; /* in table_service.regions */
	struct endpoint **endpoints;
	uint16_t *weights; /* configured, parallel to endpoints */
	uint32_t *by_id; /* indices into endpoints, by ascending endpoint id */
	unsigned endpoint_count;
	const uint32_t *maglev; /* maglev_size slots of indices into endpoints, or NULL */
	uint32_t maglev_size; /* a prime, or 0 */
	struct maglev_slots *maglev_owner; /* counted: tables share slots while members are equal */
	struct steering *steering; /* lasting: survives tables by (service, region) name */
	const struct sticky_name *sticky; /* by name, as many as endpoints; NULL: not sticky, or none */
};

struct table_service {
	const struct conf_service *conf;
	unsigned index;
	struct table_region *regions;
	unsigned region_count;
	struct service_steering *steering; /* lasting: survives tables by name */
};

struct table {
	struct arena *arena; /* owned; holds the table and all that hangs off it */
	struct topology *topology; /* one reference */
	struct route_index *routes; /* counted */
	struct table_service *services; /* same order as topology.services */
	unsigned service_count;
	uint64_t generation; /* grows with each table control builds */
	atomic_uint holders;
	void *listeners; /* opaque here: the listening sockets that belong to this topology */
	void (*listeners_free)(void *); /* called with listeners by the last release, unless NULL */
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

/*
 * Control thread. Builds a table with the given number of holders. Takes a reference on the
 * topology and on each endpoint; shares old's route index when the topology is the same, and its
 * maglev tables when their members are. old may be NULL; nothing of it is kept otherwise.
 *
 * Endpoints stand in configured order, each name's addresses sorted, every address with the
 * configured weight; what is listed twice in a region is one endpoint with the weights added.
 * New endpoints are UNKNOWN and new steering has no share: control writes both before it
 * publishes the table.
 */
struct table *table_build(struct topology *, const struct table *old, struct endpoint_registry *,
    struct steering_registry *, table_resolve_fn *, void *arg, unsigned holders);
/* Any thread. The last of the holders frees the table. */
void table_release(struct table *);

/* The route for a request, or NULL; the rules are route_index_find()'s. */
const struct conf_route *table_route(const struct table *, struct slice host, struct slice path,
    route_accepts_fn *accepts, void *arg);

/* Of the endpoint with this id in table_region.endpoints; -1: it is not there. */
int table_region_index(const struct table_region *, uint32_t id);

const struct table_service *table_service_find(const struct table *, const char *name);

#endif
