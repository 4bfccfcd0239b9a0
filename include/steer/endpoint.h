/*
 * Endpoints: lasting identities, the words that steer them, and the shards that count them.
 *
 * An endpoint is (service, region, scheme, host, address). It outlives tables, reloads and
 * re-resolution as long as any of them names it. Counted: one reference per table that names it
 * and one per worker that still holds its shard; the counts change only at reload, re-resolution
 * and when a removed endpoint's last exchange ends, never per request.
 *
 * Who writes: control writes the steering word and the verdict; each worker writes its own shard.
 */
#ifndef STEER_ENDPOINT_H
#define STEER_ENDPOINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "base/histogram.h"

struct conf_upstream_tls;

/* As shown to people: unknown, up, down, draining. */
enum endpoint_state { ENDPOINT_UNKNOWN, ENDPOINT_UP, ENDPOINT_DOWN, ENDPOINT_DRAINING };

const char *endpoint_state_name(enum endpoint_state);

/* Why an endpoint is in its state, with one number of detail; see endpoint_reason_format(). */
enum endpoint_reason {
	REASON_NOT_CHECKED, /* no health check configured: taken as up */
	REASON_FIRST_CHECK_PENDING,
	REASON_CHECK_PASSED, /* detail: times in a row */
	REASON_CHECK_REFUSED,
	REASON_CHECK_UNREACHABLE,
	REASON_CHECK_RESET,
	REASON_CHECK_TIMEOUT, /* detail: ms waited */
	REASON_CHECK_TLS,
	REASON_CHECK_EXPIRED,
	REASON_CHECK_TOO_EARLY,
	REASON_CHECK_UNTRUSTED,
	REASON_CHECK_WRONG_NAME,
	REASON_CHECK_NO_H2,
	REASON_CHECK_STATUS, /* detail: the status */
	REASON_CHECK_BODY,
	REASON_CHECK_MALFORMED,
	REASON_CHECK_GRPC, /* detail: the gRPC status */
	REASON_CHECK_NOT_SERVING,
	REASON_CHECK_DOUBTED,  /* up all the same: live traffic is answered */
	REASON_TRAFFIC_FAILED, /* detail: failed tries in a row */
	REASON_TRAFFIC_MOSTLY, /* detail: failed tries, permille of them */
	REASON_REMOVED,        /* left the configuration or DNS: drains */
	REASON_RESTORED, /* as it was before the restart, until its first check; detail: s ago */
};

/*
 * One worker's view and count of one endpoint, on cache lines of its own. Counters are written by
 * that worker only, read relaxed by control and main.
 */
struct endpoint_shard {
	struct endpoint *endpoint;
	bool referenced;    /* plain: between endpoint_shard() and endpoint_shard_release() */
	uint32_t held;      /* plain: leases and idle connections of this worker that point here */
	uint32_t in_flight; /* plain: tries of this worker */
	/* plain: of proxy/shunned.c */
	uint32_t lost_in_a_row;
	uint64_t lost_answered; /* answered and connects, at the last of them */
	uint64_t lost_connects;
	uint64_t lost_ms;       /* when a request was last lost, of those that counted */
	uint64_t shunned_until_ms;

	/* what control reads each tick, on one line: see steer/evidence.h */
	_Alignas(64) atomic_ullong tries; /* begun */
	atomic_ullong answered;           /* response head received */
	atomic_ullong not_sent;           /* local failures by class; sums of faults below */
	atomic_ullong broken;
	atomic_ullong timeouts;
	atomic_ullong aged;   /* of broken, as evidence's */
	atomic_ullong errors; /* upstream failures: bad answers, 5xx, statuses to retry on */
	atomic_uint cut;      /* of errors, as evidence's; modulo 2^32, for want of room */
	atomic_uint waiting;  /* tries that neither have an answer's head yet nor have ended */

	_Alignas(64) atomic_ullong connects;
	atomic_ullong reused;
	atomic_ullong status_class[6]; /* 1xx..5xx in [1..5] */
	atomic_ullong faults[FAULT_COUNT];
	atomic_ullong bytes_in; /* from the endpoint */
	atomic_ullong bytes_out;
	atomic_uint connections; /* open now, idle ones too */
	atomic_uint idle;
	atomic_uint active;          /* tries in flight now, for readers elsewhere */
	struct histogram first_byte; /* of each try, us */
};

struct endpoint {
	/* identity: never changes */
	uint32_t id; /* small and dense; reused only after the last reference is gone */
	const char *service;
	const char *region;
	const char *host; /* of the URL: name or literal address */
	const char *url;  /* "https://10.1.0.10:8443": scheme and address, for people */
	bool tls;
	bool raw; /* bytes, no HTTP */
	struct sockaddr_storage addr;
	socklen_t addr_len;

	atomic_uint refs;

	/* the verdict behind the word below, for people; a reader may see them one change apart */
	atomic_ullong since_ms;
	atomic_uint reason; /* enum endpoint_reason */
	atomic_uint reason_detail;
	atomic_ullong last_check_us; /* latency of the last probe that got an answer */
	atomic_llong certificate_ends_s; /* since 1970, as probes were shown it; 0: none was */
	int64_t certificate_warned_s;    /* control's own: when that was last said; 0: never */

	/*
	 * Written by control, read relaxed at each pick: state << 24 | weight. The weight is a
	 * factor on the weight configured in the table: ENDPOINT_WEIGHT_FULL, or less while the
	 * endpoint starts slowly. State, not weight, is what takes an endpoint out.
	 */
	atomic_uint word;
	/* one slot per worker; NULL until that worker first uses the endpoint (release/acquire) */
	unsigned workers;
	_Atomic(struct endpoint_shard *) shards[];
};

/* All workers together. */
unsigned endpoint_waiting(const struct endpoint *);
/* The worker: a try ended by this fault, the endpoint's or the way's to it. */
void endpoint_shard_failed(struct endpoint_shard *, enum fault);
/* What was just counted was reset or closed, and had begun EVIDENCE_AGED_MS before or earlier. */
void endpoint_shard_aged(struct endpoint_shard *);
/* The same of one that was cut off in its answer. */
void endpoint_shard_cut(struct endpoint_shard *);
/* The same where it says nothing of how things are now: people are told of it, control is not. */
void endpoint_shard_failed_long_ago(struct endpoint_shard *, enum fault);
/* The worker: an answer was 5xx or of retry.on_status, whether it is retried or passed on. */
void endpoint_shard_bad_status(struct endpoint_shard *);

enum { ENDPOINT_WEIGHT_FULL = 1000 };

/* Has it come (back) up since then? Any thread; a change may be seen a moment late. */
bool endpoint_is_up_since(const struct endpoint *, uint64_t then_ms);

static inline unsigned
endpoint_word(enum endpoint_state state, unsigned weight)
{
	return (unsigned)state << 24 | (weight & 0xffffu);
}

static inline enum endpoint_state
endpoint_word_state(unsigned word)
{
	return (enum endpoint_state)(word >> 24);
}

static inline unsigned
endpoint_word_weight(unsigned word)
{
	return word & 0xffffu;
}

/* Why a check failed that could not reach it. */
enum endpoint_reason endpoint_reason_of(enum fault);
/*
 * "3 checks failed: refused", "check answered 503", ... into buf; returns buf.
 */
char *endpoint_reason_format(enum endpoint_reason, unsigned detail, char *buf, size_t size);
enum { ENDPOINT_REASON_BYTES = 128 }; /* each of them fits */
/* The same of the state it is in now. */
char *endpoint_reason(const struct endpoint *, char *buf, size_t size);
/* Is its number that of checks, or tries, in a row? */
bool endpoint_reason_counts(enum endpoint_reason);

/* The registry of all endpoints: control thread only. */
struct endpoint_registry;

struct endpoint_identity {
	const char *service;
	const char *region;
	const char *host;
	bool tls;
	bool raw;
	const struct sockaddr *addr;
	socklen_t addr_len;
};

struct endpoint_registry *endpoint_registry_new(unsigned workers);
void endpoint_registry_free(struct endpoint_registry *); /* no table or worker may be left */
/*
 * The endpoint with this identity, made (UNKNOWN, full weight, REASON_FIRST_CHECK_PENDING, since 0)
 * if there is none, with one reference more.
 */
struct endpoint *endpoint_registry_get(
    struct endpoint_registry *, const struct endpoint_identity *);
/* The endpoint with this id, or NULL when it is gone. Borrowed: until the next sweep. */
struct endpoint *endpoint_registry_find(const struct endpoint_registry *, uint32_t id);
unsigned endpoint_registry_count(const struct endpoint_registry *);
/* Frees endpoints that nobody references any more, and their ids. Call after publishing. */
void endpoint_registry_sweep(struct endpoint_registry *);

/* Any thread. Dropping a reference never frees: the registry's sweep does, on control. */
void endpoint_ref(struct endpoint *);
void endpoint_unref(struct endpoint *);

/*
 * This worker's shard, made at first use, with one reference on the endpoint however often it is
 * asked for. That worker only, and only while a table or that reference keeps the endpoint alive.
 */
struct endpoint_shard *endpoint_shard(struct endpoint *, unsigned worker);
/*
 * Gives that reference back, when nothing is held or in flight. The shard and its counters live as
 * long as the endpoint; asking for it again takes the reference again.
 */
void endpoint_shard_release(struct endpoint_shard *);

#endif
