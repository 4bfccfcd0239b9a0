/*
 * What the parts of one worker share. Included by src/proxy only; everything here belongs to the
 * worker's thread unless it says otherwise.
 */
#ifndef PROXY_WORKER_STATE_H
#define PROXY_WORKER_STATE_H

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"
#include "conf/topology.h"
#include "http/h1.h"
#include "net/loop.h"
#include "proxy/pressure.h"
#include "proxy/watch.h"
#include "proxy/worker.h"
#include "steer/balance.h"

struct acceptor;
struct cache;
struct client_h2_shared;
struct mailbox;
struct edits;
struct basic_auth;
struct gzip_pool;
struct hold;
struct pool;
struct regex_scratch;
struct services;
struct slab;
struct splice_pool;
struct table;
struct tls_server;

/* Something to be done from the loop, after the callback that asks for it has returned. */
struct deferred {
	struct list node;
	void (*fn)(void *arg);
	void *arg;
};

struct worker {
	struct worker_setup setup;
	struct worker_stats stats; /* written here, read by anyone relaxed */
	pthread_t thread;
	bool started;
	atomic_int thread_id;
	atomic_bool drain_wanted; /* any thread sets, then writes wake_fd */
	atomic_bool stop_wanted;
	atomic_bool end_tunnels_wanted;
	atomic_uint pressure_wanted; /* enum pressure */
	atomic_bool idle; /* draining is done */
	int wake_fd;
	struct mailbox *tables;

	struct loop *loop;
	struct event tables_event;
	struct event wake_event;
	struct event deferred_event;
	struct list deferred;
	bool deferring; /* its event is running */

	struct table *table; /* adopted; NULL before the first one */
	uint64_t generation; /* grows with each adoption */
	struct services *services;
	struct pool *pool;
	struct acceptor *acceptor;
	struct tls_server **tls; /* by index of topology.tls; NULL: not needed yet */
	unsigned tls_count;
	const struct topology *tls_topology; /* which one tls was made for; compared only */

	struct conf_client_limits limits; /* the table's, copied */
	struct h1_limits h1_limits;
	struct list clients; /* struct client.node */
	unsigned client_count;
	bool draining;
	enum pressure pressure; /* as felt */

	struct watch watch; /* tries without an answer */
	struct list lasting_regions; /* struct region_lasting.node: those with anything lasting */
	struct timer lasting_sweep;
	struct timer upkeep; /* standbys and what is kept of them */
	struct list stalled; /* struct exchange.stalled, the longest first */
	struct list mirrors; /* struct mirror.node */
	struct list penalties; /* struct penalty.node */
	unsigned penalty_count;
	uint64_t shunned_until_ms; /* after that no endpoint is; 0: none is */

	struct slab *client_slab;
	struct client_h2_shared *h2;
	struct cache *h2_memory; /* nghttp2's, of all connections */
	struct slab *exchange_slab;
	struct slab *upstream_slab;
	struct slab *upstream_h2_slab;
	struct slab *stream_slab;
	struct slab *raw_slab; /* struct upstream_raw */
	struct splice_pool *pipes;
	struct slab *mirror_slab;
	struct slab *penalty_slab;
	/*
	 * Where HTTP/2 from endpoints is read, with the rooms of loop_span(): what is done about
	 * the first frames may use that, while others still lie here. NULL: not needed yet.
	 */
	char *frames;
	char *head; /* WORKER_HEAD bytes: where heads are written before they leave */

	struct edits *edits; /* of the head that is being written */
	struct basic_auth *auth; /* NULL: nobody has been asked yet */
	struct gzip_pool *gzips;
	struct hold *hold; /* of the present configuration; NULL before the first */
	struct regex_scratch *regex; /* what matching needs */
	struct rng rng;
	char date[32]; /* as of date_s */
	uint64_t date_s;
	uint64_t last_turn_ms;
};

enum { WORKER_HEAD = LOOP_HEAD_ROOM, WORKER_REQUEST_ID = 32 };

/* Runs d->fn(d->arg) from the loop; asking twice is asking once. */
void worker_defer(struct worker *, struct deferred *);
void worker_undefer(struct deferred *);

/* A new request id: hex digits, not terminated. */
void worker_request_id(struct worker *, char id[WORKER_REQUEST_ID]);

/* ms, and up to a tenth more, so that what came together does not go together. */
uint32_t worker_spread_ms(struct worker *, uint32_t ms);

/* Now, as a Date field says it; valid until the next second. */
struct slice worker_date(struct worker *);

/* After a client has gone: is the drain over? */
void worker_client_gone(struct worker *);

/* The TLS configuration of a listener in the present table. */
struct tls_server *worker_tls(struct worker *, const struct conf_tls *);

#endif
