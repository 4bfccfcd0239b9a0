/*
 * Steering: what control tells all workers about a service and about a region of it, as single
 * words written in place by control and read at each pick, so that a health flip rebuilds nothing;
 * and the places where workers count what control decides on.
 *
 * Lasting by (service, region) name and owned by the registry until the registry is freed: no
 * table counts them, so a table can be freed by any thread. What is kept is bounded by the names
 * ever configured in the life of the process.
 */
#ifndef STEER_STEERING_H
#define STEER_STEERING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "steer/admission.h"
#include "steer/region_shard.h"

enum { STEERING_STATES = 7 };

struct steering {
	_Alignas(64) atomic_uint share; /* of the service's new requests, in 1/65536; 0: none */
	atomic_uint usable; /* endpoints up; 0 and share > 0: failing open, health is ignored */
	/*
	 * Too few are up for all that comes: of 1000 tries, so many go to endpoints that are not,
	 * but do not drain. 0: none, as long as any is up.
	 */
	atomic_uint blind;
	atomic_uint
	    trickle; /* 1: the share is there to learn from, not to serve: safe requests only */
	atomic_uint generation; /* grows with each change of an endpoint's word in the region */
	/*
	 * enum region_state. EVACUATED: nothing at all goes there, retries neither. DOWN: idle
	 * connections close, tries without an answer move on. SUSPECT: they may be doubled.
	 */
	atomic_uint state;
	const char *service;
	const char *region;

	/* why it is in that state, for people: a reader may see them one change apart */
	_Alignas(64) atomic_ullong since_ms; /* monotonic; 0: since the start */
	atomic_ullong hold_until_ms; /* monotonic; when its hold-down is over; 0: it has none */
	atomic_uint target;          /* the share it is on its way to, in 1/65536 */
	atomic_uint signal;          /* enum fact_signal: what the state rests on */
	_Atomic double value;
	_Atomic double threshold;
	_Atomic double limit; /* tries per second it is sent at most; 0: no limit */
	/* of the requests shed, per second, those that asked here: its rate, its cap in flight is
	 * met */
	_Atomic double shed_by_rate, shed_in_flight;
	_Atomic double loss; /* of demand, what would find no place if it were lost */
	atomic_ullong entered[STEERING_STATES]; /* times, by enum region_state */

	/* The region's hard cap on tries of this service: control sets, workers enter and leave. */
	struct admission admission;
	/* That on tries of all services which share the region's own capacity; lasting, never NULL.
	 */
	struct admission *common;
	atomic_uint shares_common; /* 1: this service is one of them. Control writes */

	/* one slot per worker; NULL until that worker first needs it (release/acquire) */
	unsigned workers;
	_Atomic(struct region_shard *) shards[];
};

/* The service as a whole. */
struct service_steering {
	/*
	 * enum share_mode. FAIL_CLOSED and NOTHING: requests are refused with 503 whatever the
	 * regions' words say.
	 */
	_Alignas(64) atomic_uint mode;
	const char *service;
	unsigned number; /* dense, in the order in which services came; to find what hangs by it */

	/* for people: a reader may see them one change apart */
	_Alignas(64) atomic_uint shed; /* of demand, in 1/65536 */
	atomic_uint demand;            /* requests per second */
	_Atomic double shed_rate;      /* of them, those that no region had room for */
	_Atomic double refused_rate;   /* and those for which no region was up */
	atomic_ullong shed_since_ms;   /* monotonic; 0: nobody is shed */
	atomic_uint self_suspect;      /* 1: our own view is stale, nothing is moved */
	atomic_ullong fail_opens; /* times it entered SHARE_FAIL_OPEN; single writer: control */

	unsigned workers;
	_Atomic(struct service_shard *) shards[];
};

/* Control thread only. */
struct steering_registry;

struct steering_registry *steering_registry_new(unsigned workers);
void steering_registry_free(struct steering_registry *); /* no table or worker may be left */
/* The steering of this name, made (no share, nothing usable) if there is none. Borrowed. */
struct steering *steering_registry_get(
    struct steering_registry *, const char *service, const char *region);
/* The cap of a region, for all services together. Borrowed. */
struct admission *steering_registry_region(struct steering_registry *, const char *region);
/* The same for the service as a whole; its mode begins as SHARE_NORMAL. */
struct service_steering *steering_registry_service(struct steering_registry *, const char *service);

/* This worker's shards, made at first use. That worker only; valid until the registry is freed. */
struct region_shard *steering_shard(struct steering *, unsigned worker);
struct service_shard *service_steering_shard(struct service_steering *, unsigned worker);

/*
 * Control: after the words of some of its endpoints were written, says how many are up now and
 * that balancers must look again (release: who sees the generation sees the words).
 */
void steering_changed(struct steering *, unsigned usable);
/*
 * Control: the shares of all regions of one service. Those that grow are written first, so that
 * at no moment a region has given up what no other has yet. Returns whether any changed.
 */
bool steering_set_shares(struct steering *const *regions, const uint32_t *shares, unsigned count);

#endif
