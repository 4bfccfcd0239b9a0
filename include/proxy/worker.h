/*
 * A worker: one thread, one event loop, everything between a client and an endpoint.
 *
 * Workers share nothing with each other; they adopt routing tables from a mailbox, read steering
 * words, and write their own shards, statistics and rings.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/histogram.h"
#include "base/ring.h"
#include "base/watchdog.h"
#include "http/grpc.h"
#include "proxy/pressure.h"

/* What became of the copies that mirrors were to get. */
enum mirror_result {
	MIRROR_ANSWERED,
	MIRROR_FAILED, /* there was no answer */
	MIRROR_FULL, /* not sent: enough were on their way */
	MIRROR_BODY, /* not sent: the body was not, or no longer, at hand */
	MIRROR_LOOP, /* not sent: the request had been there */
	MIRROR_RESULTS,
};

struct crowd;
struct rate_table;
struct table;
struct touched;
struct worker;

/* One worker's numbers; that worker writes, anyone reads relaxed. */
struct worker_stats {
	atomic_ullong accepted;
	atomic_ullong refused; /* over a connection limit */
	atomic_ullong bad_headers; /* connections without a PROXY header that counts */
	atomic_uint clients; /* connections open now */
	atomic_ullong handshakes; /* TLS, completed */
	atomic_ullong handshakes_resumed;
	atomic_ullong handshakes_failed;
	atomic_ullong h2_clients; /* connections that spoke HTTP/2 */
	atomic_ullong h2_broken_off; /* of them, those closed for abuse */
	atomic_ullong requests;
	atomic_uint exchanges; /* in flight now */
	atomic_uint tunnels; /* of them */
	atomic_ullong spliced; /* bytes that no copy was made of */
	atomic_ullong status_class[6];
	atomic_ullong faults[FAULT_COUNT]; /* how requests ended */
	atomic_ullong grpc_status[GRPC_STATUS_COUNT]; /* of gRPC calls, as their clients saw them */
	atomic_ullong retries;
	atomic_ullong redirects;
	atomic_uint mirrors; /* copies on their way now; no other number counts them */
	atomic_ullong mirror_results[MIRROR_RESULTS];
	atomic_ullong bytes_in; /* from clients, plain */
	atomic_ullong bytes_out;
	atomic_ullong accept_pauses; /* EMFILE and kin */
	atomic_ullong allocations; /* calls that took memory from the system, OpenSSL's too */
	struct watchdog_stalls stalls; /* of its loop; the watchdog writes them */
	struct histogram duration; /* of whole requests, us */
};

/* "This endpoint just failed": record in the urgent ring, worker to control. */
struct urgent {
	uint32_t endpoint_id;
	enum fault fault;
	uint32_t count; /* of failures like this one since the last such record */
	bool nobody_there; /* and nothing else for EVIDENCE_ROW tries: see shunned.h */
	bool aged; /* as evidence's */
};

struct worker_setup {
	unsigned index;
	unsigned count;
	unsigned char ticket_seed[32]; /* the same for all workers */
	struct crowd *crowd; /* of all workers; owned by the caller. NULL: clients are not counted */
	struct rate_table *rates; /* of all workers; owned by the caller */
	uint64_t rate_seed; /* unknown to clients, the same for all workers */
	uint64_t loop_seed; /* the same for all workers, another in every process */
	struct ring *urgent; /* of struct urgent; owned by the caller, outlives the worker */
	int urgent_fd; /* eventfd, written after a commit; -1: none */
	struct ring *access_log; /* of struct access_record, or NULL: off */
	struct touched *touched; /* endpoints used, for control; outlives the worker. NULL: none */
};

/* Makes the worker; its thread does not run yet. */
struct worker *worker_new(const struct worker_setup *);
bool worker_start(struct worker *, struct error *);

/* Any thread: hands over one holder's share of the table; the one it displaces is released. */
void worker_publish(struct worker *, struct table *);

/*
 * Any thread. Drain: stop accepting, close idle keep-alive clients, say Connection: close with
 * every answer; worker_is_idle() becomes true when the last client has gone. Stop: end the thread
 * now, whatever is in flight. Press: memory is that short from now on.
 */
void worker_drain(struct worker *);
void worker_end_tunnels(struct worker *); /* all of them, gently */
bool worker_is_idle(const struct worker *);
void worker_stop(struct worker *);
void worker_press(struct worker *, enum pressure);
void worker_free(struct worker *); /* joins the thread first */

const struct worker_stats *worker_stats(const struct worker *);
/* The kernel's id of the thread, for tests that trace it; 0 before it runs. */
int worker_thread_id(const struct worker *);

#endif
