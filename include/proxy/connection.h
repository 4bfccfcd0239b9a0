/*
 * A connection to an endpoint: opened, kept and closed the same way whatever is spoken on it. What
 * is spoken is its struct connection_ops.
 *
 * Owned by the pool (proxy/pool.h), which lends room on it to tries. Embedded as the first member
 * of its protocol's own struct. Worker thread only.
 */
#ifndef PROXY_CONNECTION_H
#define PROXY_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/list.h"
#include "base/timer.h"
#include "conf/topology.h"
#include "net/stream.h"
#include "proxy/watch.h"

struct connection;
struct pool_slot;
struct upstream;
struct worker;

struct connection_ops {
	/*
	 * A request that was given to it may come back as not sent: whoever gives it must be able
	 * to give it again.
	 */
	bool may_refuse;
	/* A zeroed one; the other gives it back, its stream closed. */
	struct connection *(*new)(struct worker *);
	void (*free)(struct connection *);
	/* The stream is open. Ends in pool_on_opened(), now or later. */
	void (*opened)(struct connection *);
	/* What else befalls the stream. */
	void (*on_stream)(struct connection *, unsigned events);
	/* A place for one more request; the pool has seen that it is clean. */
	struct upstream *(*lease)(struct connection *);
	/* May it carry another request, once there is room? */
	bool (*is_clean)(struct connection *);
	/* Beside those that it carries, one more? */
	bool (*has_room)(struct connection *);
	/* Has the kernel all that the lease was given to send? */
	bool (*is_written)(struct upstream *);
	/* Asks whether anybody is there: the answer comes as connection_opened(). NULL: can't. */
	void (*verify)(struct connection *);
	/* It is about to be closed in good order: says so to the endpoint. NULL: no need to. */
	void (*goodbye)(struct connection *);
};

extern const struct connection_ops connection_h1, connection_h2, connection_raw;

struct connection {
	struct stream stream;
	const struct connection_ops *ops;
	struct worker *worker;
	struct pool_slot *slot;
	struct list node; /* in the slot: opening, or ready, or none */
	uint32_t leased; /* requests on it */
	bool opening; /* in slot->opening */
	bool ready; /* in slot->ready */
	bool used; /* has carried a request before */
	bool asked; /* is it alive? and nothing of use has come since */
	bool dirty; /* never to be used again */
	bool parked; /* nobody uses it: when its timer ends, so does it */
	uint64_t returned_turn; /* of the loop, as a request on it ended */
	uint64_t quiet_turn; /* of the loop, as pool_quiet.c last saw that nothing had come */
	uint64_t alive_ms; /* it was last seen to work */
	uint64_t idle_since_ms;
	uint64_t wrote_us; /* bytes of requests were last given to the kernel */
	struct timer timer; /* connecting, or idle: that one may run on while it is used */
	struct watch_path path; /* what looks at its path have told */
	uint64_t trust; /* slot->trust as it began to connect */
	uint64_t connect_started_us;
	uint64_t connect_us;
	struct list in_all; /* in the slot's list of all */
};

/* What is spoken to the endpoints of a region. */
const struct connection_ops *connection_ops_of(enum conf_upstream_protocol);

/*
 * Begins to connect. NULL with *why when it failed at once. Ends in pool_on_opened(), never before
 * connection_open() has returned.
 */
struct connection *connection_open(struct worker *, struct pool_slot *,
    const struct connection_ops *, uint32_t connect_ms, enum fault *why);
void connection_close(struct connection *); /* nothing may be on lease */

/* It is open, or has failed; for its ops. */
void connection_opened(struct connection *, enum fault why);

/* It has been silent: is anybody there? Ends as connection_open() does, in pool_on_opened(). */
void connection_verify(struct connection *, uint32_t answer_ms);

/* Nobody uses it from now on; the pool discards it after keep_ms. */
void connection_park(struct connection *, uint32_t keep_ms);
/* Somebody does. */
static inline void
connection_wake(struct connection *c)
{
	c->parked = false;
}

#endif
