/*
 * One try of an exchange: an endpoint, the way to it, and what came of it so far.
 *
 * An exchange has two places for tries (proxy/rival.h says when both are used). Worker thread only.
 */
#ifndef PROXY_TRY_H
#define PROXY_TRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/list.h"
#include "steer/admission.h"

struct endpoint_shard;
struct exchange;
struct pool_wait;
struct service_region;
struct upstream;

/* Moments of a try, monotonic us; 0: has not come. */
struct try_times {
	uint64_t lease; /* it began to wait for a connection */
	uint64_t connected;
	uint64_t sent; /* its head was written */
	uint64_t wrote; /* the oldest bytes of which it is not known that they have arrived */
	uint64_t connect_us; /* spent on TCP and TLS */
};

struct try {
	struct exchange *exchange;
	struct service_region *region; /* lasting */
	struct endpoint_shard *shard; /* held until the next try in this place, or the end */
	struct upstream *up; /* on lease, or NULL */
	struct pool_wait *wait; /* for a connection, or NULL */
	enum fault fault; /* no connection, and why */
	uint32_t kept_sent; /* so much of what was kept of the body is written */
	bool active; /* from tries_begin() to tries_end() */
	bool reused; /* the connection: by a request before */
	bool kept; /* the connection: it was there already, used before or not */
	bool request_sent; /* all of it */
	bool kept_waits; /* not all that was kept of the body is written yet */
	bool answered; /* its head came */
	bool erred; /* by a status that is its endpoint's failure, retried or not */
	bool uncharged; /* it does not count among the exchange's sent_tries any more */
	bool blamed; /* the endpoint's failure has been counted already */
	bool arrived; /* watch.c: all that was sent has been acknowledged */
	bool under_way; /* watch.c: some of it may not have been yet */
	struct list watched; /* in a list of its region while nothing has come back */
	struct list wished; /* watch.c: something is to be done about it */
	struct try_times at;
	struct ticket ticket; /* until the answer's head, or the end */
	uint64_t end_bytes; /* written when it was first looked at, others' included; 0: not yet */
};

#endif
