/*
 * Admission: a region's hard cap, shared by all workers without a lock.
 *
 * A rate as a token bucket in one atomic word (generic cell rate: the time at which the bucket is
 * empty), and tries in flight as one atomic count: the two numbers of the request path that must be
 * global (include/base/stat.h has the others). Limits are written by control, read relaxed.
 *
 * A try is in flight until its answer's head has come or it has ended without one. The cap follows
 * from Little's law, N = rate * time, and the time it is given is the one to the answer's head: a
 * long download, an upgraded connection or a stream of events takes no room any more, or a few
 * hundred of them would shut a region that is well. What they cost is bounded by max_connections.
 *
 * Shedding by class: a request of a lower class leaves a reserve in the bucket for the higher ones,
 * so that retries are shed first, then low, normal and high routes.
 */
#ifndef STEER_ADMISSION_H
#define STEER_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum admission_class { ADMIT_RETRY, ADMIT_LOW, ADMIT_NORMAL, ADMIT_HIGH };

struct admission {
	_Alignas(64) atomic_ullong empty_at_ns; /* theoretical arrival time */
	atomic_uint in_flight;
	_Alignas(64) atomic_uint interval_ns; /* 1e9 / limit; 0: no limit. Control writes */
	atomic_uint most_in_flight; /* 0: no limit. Control writes */
	unsigned before; /* control's own: tries in flight that began before there was a limit */
};

/*
 * Control: rates above 1e9/s and below 1/s are clamped. under_way: tries in flight there, admitted
 * or not; those that began when there was no limit are not counted, but take up room until they
 * are over.
 */
void admission_set(struct admission *, double limit_per_s, double most_in_flight,
    unsigned under_way);
/* Any worker: true and counted in flight, or false: the region takes no more of this class now. */
bool admission_enter(struct admission *, enum admission_class, uint64_t now_us);
void admission_leave(struct admission *);

static inline bool
admission_limits(const struct admission *a)
{
	return atomic_load_explicit(&a->interval_ns, memory_order_relaxed) != 0 ||
	    atomic_load_explicit(&a->most_in_flight, memory_order_relaxed) != 0;
}

/* The cap on tries in flight when half of it is taken or more; else, or when there is none, 0. */
unsigned admission_filling(const struct admission *);

/* What a try was let in by, to be given back once. Zero-initialised: nothing limits it. */
struct ticket {
	struct admission *own; /* the service's in the region, or NULL */
	struct admission *common; /* that of all services in the region, or NULL */
};

/* Either may have no limit, and common may be NULL. False: there is no room, and nothing was taken. */
bool ticket_take(struct ticket *, struct admission *own, struct admission *common,
    enum admission_class, uint64_t now_us);
void ticket_give_back(struct ticket *); /* again does no harm */

#endif
