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
 * Retries (hedges and mirrors' copies among them) are counted apart, up to three quarters of the cap,
 * and enter only while the others leave a quarter of it: together it is never more than 1.75 times
 * the cap. At a failover all that the lost region was busy with comes at one moment, and what is slow
 * of it stays for long: it would keep out new ones for which the rate has room.
 *
 * Shedding by class: a request of a lower class leaves a reserve in the bucket for the higher ones,
 * so that retries are shed first, then low, normal and high routes.
 *
 * Waiting: what the bucket holds is within 5 % of a second's worth, or a standby would get more
 * than it can do; so a page of twenty requests that come at once at an idle region is not answered
 * out of a deeper bucket but paced. Who finds no token may take one that will come, whose time is
 * known at once, by moving the word on beyond the burst: tokens are given out in order, at the
 * rate, and never before their time. Whoever would wait longer than his part of ADMISSION_WAIT_US,
 * by class as in the bucket, is shed where he comes, not when he has waited.
 *
 * Of patience there is a bucket too, filled at half the rate: waiting makes up for unevenness, and
 * under more than can be done, a queue that everybody stands in makes up for nothing. As only every
 * other one that passes may have waited, such a queue cannot last: it drains at half the rate, and
 * who comes finds a token at once or is shed. Simulated at 250 a second: at three times the rate
 * they wait 1 ms in the mean, instead of 110 ms; of bursts of ten at 80 % of the rate 12 % are
 * shed, 6 % if all might wait, 38 % if none. (To forbid waiting where a queue has not been empty for
 * 150 ms, as CoDel would, lets those of an overload wait 50 ms: a queue that is forbidden empties,
 * and is permitted again.)
 */
#ifndef STEER_ADMISSION_H
#define STEER_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum admission_class { ADMIT_RETRY, ADMIT_LOW, ADMIT_NORMAL, ADMIT_HIGH };

/* What stands in the way of a try. */
enum admission_limit { LIMIT_NONE, LIMIT_RATE, LIMIT_IN_FLIGHT };

enum {
	/* The longest that a request of the highest class waits; normal ones nine tenths of it. */
	ADMISSION_WAIT_US = 125 * 1000,
};

#define ADMISSION_NEVER UINT32_MAX

struct admission {
	_Alignas(64) atomic_ullong empty_at_ns; /* theoretical arrival time */
	atomic_ullong patience_ns;              /* the same of those that wait */
	atomic_uint in_flight; /* but for retries */
	atomic_uint resent;    /* retries in flight */
	_Alignas(64) atomic_uint interval_ns; /* 1e9 / limit; 0: no limit. Control writes */
	atomic_uint most_in_flight;           /* 0: no limit. Control writes */
	unsigned before; /* control's own: tries in flight that began before there was a limit */
};

/*
 * Control: rates above 1e9/s and below 1/s are clamped. under_way: tries in flight there, admitted
 * or not; those that began when there was no limit are not counted, but take up room until they
 * are over.
 */
void admission_set(
    struct admission *, double limit_per_s, double most_in_flight, unsigned under_way);
/*
 * Any worker: where it is counted in flight now, for admission_leave(); NULL: the region takes no
 * more of this class now.
 */
atomic_uint *admission_enter(struct admission *, enum admission_class, uint64_t now_us);
void admission_leave(atomic_uint *);

static inline bool
admission_limits(const struct admission *a)
{
	return atomic_load_explicit(&a->interval_ns, memory_order_relaxed) != 0 ||
	    atomic_load_explicit(&a->most_in_flight, memory_order_relaxed) != 0;
}

/* A cap on tries in flight of which half is taken or more. */
struct filling {
	unsigned most; /* 0: less than half is, or there is none */
	unsigned beside; /* tries of the other kind */
};

/* By tries of the kind of this class: retries, or the others. */
struct filling admission_filling(const struct admission *, enum admission_class);

/* Where a try is counted in flight, to be given back once. Zero-initialised: nothing limits it. */
struct ticket {
	atomic_uint *own;    /* the service's in the region, or NULL */
	atomic_uint *common; /* that of all services in the region, or NULL */
};

/* Either may have no limit, and common may be NULL. False: there is no room, and nothing was taken.
 */
bool ticket_take(struct ticket *, struct admission *own, struct admission *common,
    enum admission_class, uint64_t now_us);
void ticket_give_back(struct ticket *); /* again does no harm */

/*
 * Where ticket_take() found no room: how long it is, in us, until a token for one more of this
 * class comes. ADMISSION_NEVER: longer than it may wait, or what is full are the tries in flight.
 * Nothing is taken.
 */
uint32_t ticket_wait_us(const struct admission *own, const struct admission *common,
    enum admission_class, uint64_t now_us);
/*
 * Takes the token that comes then, and returns how long that is; or ADMISSION_NEVER. It is not in
 * flight yet: until ticket_redeem() there is nothing to give back, and if that never comes the
 * token is lost.
 */
uint32_t ticket_reserve(struct admission *own, struct admission *common, enum admission_class,
    uint64_t now_us);
/* The token has come: true and in flight, or false: there is no room for that any more. */
bool ticket_redeem(struct ticket *, struct admission *own, struct admission *common,
    enum admission_class);

/* What somebody of this class who was just turned away there has met. Either may have no limit. */
enum admission_limit ticket_meets(const struct admission *own, const struct admission *common,
    enum admission_class, uint64_t now_us);

#endif
