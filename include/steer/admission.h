/*
 * Admission: a region's hard cap, shared by all workers without a lock.
 *
 * A rate as a token bucket in one atomic word (generic cell rate: the time at which the bucket is
 * empty), and tries in flight as one atomic count: the two numbers of the request path that must be
 * global (include/base/stat.h has the others). Limits are written by control, read relaxed.
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
};

/* Control: rates above 1e9/s and below 1/s are clamped. */
void admission_set(struct admission *, double limit_per_s, double most_in_flight);
/* Any worker: true and counted in flight, or false: the region takes no more of this class now. */
bool admission_enter(struct admission *, enum admission_class, uint64_t now_us);
void admission_leave(struct admission *);

#endif
