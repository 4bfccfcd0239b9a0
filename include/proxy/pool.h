/*
 * Connections of one worker to endpoints, and the room on them that tries have on lease.
 *
 * Used only on the worker's own thread, so nothing in it is locked. pool_take(), pool_lease() and
 * pool_return() are the only ways room on a connection changes hands. Limits are the endpoint's,
 * split evenly between the workers.
 */
#ifndef PROXY_POOL_H
#define PROXY_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/hints.h"
#include "base/list.h"
#include "net/proxy_protocol.h"
#include "net/socket.h"
#include "net/tls_client.h"
#include "proxy/worker_state.h"

struct connection;
struct connection_ops;
struct endpoint;
struct endpoint_shard;
struct pool;
struct pool_wait;
struct service;
struct service_region;
struct upstream;
struct worker;

enum urgent_kind { URGENT_SENT, URGENT_NOT_SENT, URGENT_AGED, URGENT_KINDS };

/* What control was told of failures of a kind. */
struct pool_urgent {
	uint64_t told_ms;
	uint32_t untold; /* since then */
};

/*
 * This worker's connections to one endpoint. Where those begin with a PROXY header, each is of one
 * client: then there is a slot of this kind for each client besides (pool_client.c), in which they
 * are, and limits and idle ones count for all of them in the endpoint's.
 */
struct pool_slot {
	struct endpoint *endpoint; /* held through shard */
	struct endpoint_shard *shard;
	struct list ready; /* struct connection.node, with room, the last used first */
	struct list all; /* struct connection.in_all, whatever they do */
	struct list opening; /* struct connection.node, not open yet */
	struct list waiting; /* struct pool_wait.node, the first come first */
	uint32_t connections; /* all: idle, on lease, connecting */
	uint32_t connecting; /* not open yet; each will serve a wait */
	uint32_t idle_count;
	uint32_t waiting_count;
	bool gone; /* the endpoint left the table: nothing new */
	struct deferred serve; /* waits are served from the loop */
	struct pool *pool;
	struct pool_slot *whole; /* the endpoint's; it is that itself unless it is a client's */
	struct list clients; /* of the endpoint's: their slots (in_whole), the last used first */
	struct list in_whole, in_bucket; /* of a client's */
	struct proxy_header who; /* the client */
	struct tls_session_slot session;
	struct pool_urgent urgent[URGENT_KINDS];
	uint32_t rtt_us; /* round trip, smoothed; 0: not known yet */
	uint64_t rtt_at_us; /* measured then */

	/* the endpoint's policy, copied anew after each adoption */
	uint64_t generation;
	const struct connection_ops *protocol;
	uint32_t places; /* requests at once on one connection, as far as is known */
	uint32_t max_streams; /* the same, ours */
	uint32_t max_requests, max_age_ms; /* of one connection that many share; no age: 0 */
	enum conf_send_proxy send_proxy;
	char *host; /* Host to send; NULL: the client's. The endpoint's slot owns it */
	struct tls_client *tls; /* the service's, borrowed; NULL: clear */
	uint64_t trust; /* the service's */
	uint32_t max_connections, max_waiting, max_wait_ms, keep_alive_ms, keep_idle, connect_ms;
	uint32_t unacknowledged_ms; /* 0: for ever */
	struct socket_keepalive keepalive;
};

/* Never before pool_lease() has returned, exactly once, unless cancelled. */
typedef void pool_ready_fn(void *arg, struct upstream *, enum fault why);

struct pool *pool_new(struct worker *);
void pool_free(struct pool *); /* closes everything; no exchange may be left */

/* After a table was adopted: endpoints it does not name get no new connection and let go. */
void pool_adopt(struct pool *);

/* The slot of an endpoint that was just picked from this region, its policy up to date. */
struct pool_slot *pool_slot(struct pool *, struct service *, struct service_region *,
    struct endpoint *);

/* The slot this worker has for the endpoint, or NULL. */
struct pool_slot *pool_slot_of(struct pool *, const struct endpoint *);

/*
 * Where that endpoint's slot says send_proxy: the slot of this client, which ends by itself. To be
 * used at once.
 */
struct pool_slot *pool_client_slot(struct pool_slot *, const struct proxy_header *who);

/*
 * Room on a connection, at once, or NULL. It was alive when the loop last looked; with certain set
 * only one that worked within the last second and is looked at again now (a request that must not
 * be sent twice goes out on no other).
 */
struct upstream *pool_take(struct pool_slot *, bool certain);
/*
 * After pool_take() had none: a new connection, or one that comes free (certain as there), calls
 * ready(). NULL with *why when there is no room to wait or connecting failed at once.
 */
struct pool_wait *pool_lease(struct pool *, struct pool_slot *, bool certain, pool_ready_fn *,
    void *arg, enum fault *why);
void pool_cancel(struct pool_wait *);
/* A place at its endpoint may be had: who waits for one looks, from the loop. */
void pool_wake(struct pool_slot *);
/* Where it waits. */
struct pool_slot *pool_wait_slot(const struct pool_wait *);

/* From a lease's release(): it is over. Keeps the connection if it is clean and wanted. */
void pool_return(struct connection *);
/* It may have room again, or no use: looks. */
void pool_look(struct connection *);
/* Is it still there? What it answers comes to pool_on_opened(); until then it is not used. */
void pool_verify(struct connection *);
/* Closes it and frees its place; nothing may be on lease. */
COLD void pool_discard(struct connection *);

/*
 * Opens connections until so many stay idle for a while to come; called every second. None of a tcp
 * service: they may be sessions.
 */
void pool_warm(struct pool_slot *, uint32_t wanted);
/* The region is down: nothing that is kept there will be of use. */
void pool_close_idle(struct pool_slot *);
void pool_close_all_idle(struct pool *); /* the same everywhere */

/* An exchange keeps a shard past a callback; the last to let go gives it back to its endpoint. */
void pool_hold(struct endpoint_shard *);
void pool_let_go(struct endpoint_shard *);

/* It is open, or has failed; from connection.c. */
void pool_on_opened(struct connection *, enum fault why);

#endif
