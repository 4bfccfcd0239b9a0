/*
 * What the parts of a pool share: its slots (pool_slot.c), those of single clients
 * (pool_client.c), and the connections in them and who waits for one (pool.c). Worker thread only.
 */
#ifndef PROXY_POOL_PARTS_H
#define PROXY_POOL_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/pool.h"

struct slab;

enum { POOL_CLIENT_BUCKETS = 1024 };

struct pool {
	struct worker *worker;
	struct pool_slot **slots; /* by endpoint id */
	unsigned slot_count;
	struct slab *waits;
	struct slab *client_slab;
	struct list client_slots[POOL_CLIENT_BUCKETS]; /* struct pool_slot.in_bucket */
};

/* Everything but its policy. */
void pool_slot_init(struct pool_slot *, struct pool *, struct endpoint *);

/* Nobody has it, and its endpoint is gone. */
bool pool_slot_is_unused(const struct pool_slot *);
void pool_slot_free(struct pool_slot *);

/* Nothing more on those that are ready; such as carry requests end with the last of them. */
void pool_close_ready(struct pool_slot *);
void pool_close_opening(struct pool_slot *); /* nobody may wait for them */
void pool_close_all(struct pool_slot *); /* the worker ends: no exchange is left */

/* From the loop, with no exchange on the stack: room for those who wait. arg: the slot. */
void pool_serve(void *arg);
size_t pool_wait_size(void);

/*
 * pool_quiet.c: bytes that came behind an answer are no answer to the next request.
 *
 * Whether nothing has come on a connection that is ready, as far as was last seen: an event would
 * have told. One that was given back in this very turn has had none; the first time that such a one
 * is asked about, all of its kind in the slot are looked at, with one system call.
 */
bool pool_seen_quiet(const struct connection *);
/* Now, with a system call of its own. */
bool pool_is_quiet(const struct connection *);

/* pool_client.c: what befalls the endpoint's slot befalls its clients'. */
void pool_client_free(struct pool_slot *);
void pool_clients_adopt(struct pool_slot *whole);
void pool_clients_close(struct pool_slot *whole); /* no exchange may be left */
/* Nobody has it, and it was used longest ago; or NULL. */
struct connection *pool_clients_oldest_idle(struct pool_slot *whole);
/* A place has become free: who waits longest without a connection on its way may have it. */
void pool_clients_serve_one(struct pool_slot *whole);

#endif
