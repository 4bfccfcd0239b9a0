/*
 * An exchange: one request, its tries, its answer. THE state machine.
 *
 * Made by a client side when a head is complete; it dies by itself after side_ops.release() of
 * the client, in exchange_run() and nowhere else. Worker thread only.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hints.h"
#include "base/ip.h"
#include "base/list.h"
#include "base/timer.h"
#include "http/message.h"
#include "net/loop.h"
#include "proxy/basic_auth.h"
#include "proxy/call.h"
#include "proxy/identity.h"
#include "proxy/lasting.h"
#include "proxy/replay.h"
#include "proxy/side.h"
#include "proxy/tries.h"
#include "proxy/try.h"
#include "proxy/tunnel.h"
#include "steer/admission.h"
#include "steer/balance.h"

struct listener;
struct conf_route;
struct forward_edits;
struct gzip;
struct hold;
struct service;
struct worker;

/* What is known of the connection a request came by; lives as long as the client. */
struct client_facts {
	const struct listener *accepted_by;
	bool ruled; /* it had access rules then; clients that outlive it are served no more */
	struct ip peer; /* by the kernel's word, or the PROXY header's */
	struct ip local; /* where it came to; known only if some service sends PROXY headers */
	char ip[48];
	uint16_t ip_len;
	uint16_t port;
	uint16_t local_port;
	uint16_t listener_port;
	uint16_t redirect_port;
	bool raw; /* a connection of bytes, not of requests */
	bool tls;
	bool tls_outside; /* by the PROXY header's word the client spoke TLS with its sender */
	bool h2; /* speaks HTTP/2 */
	bool resumed;
	bool redirect_https;
	const char *tls_version; /* static text, or "" */
	char listener[32]; /* its name, cut */
};

enum x_state {
	X_ROUTE,
	X_ADMIT,
	X_PICK,
	X_PACE,
	X_CONNECT,
	X_SEND,
	X_HEAD,
	X_RELAY,
	X_TUNNEL,
	X_FAILED,
	X_BACKOFF,
	X_DONE,
};

/* Moments of an exchange, monotonic us; 0: has not come. */
struct x_times {
	uint64_t first_byte; /* of the request */
	uint64_t head; /* the request's head was complete */
	uint64_t answer; /* the answer's head came */
};

/* Waiting for a token of a region's rate (pace.h). */
struct pace {
	uint64_t began_us; /* monotonic; 0: it does not wait now */
	uint32_t waited_us; /* in all, so far */
};

/*
 * In the order of the ways through it: while a request waits, others throw what it has touched out
 * of the cache, and its answer should find all it asks for in few lines of 64 bytes.
 */
struct exchange {
	struct worker *worker;
	struct side *client; /* NULL: released */
	struct service *service; /* NULL: not routed yet, or no route */
	struct try *try; /* the one that leads: the exchange's state is its state */
	struct try *rival; /* the other one; it runs beside the first while it is active */
	enum x_state state;
	enum fault fault; /* why the try or the exchange failed */
	bool running; /* a step is on the stack */
	bool again; /* something came in meanwhile */
	bool request_ended; /* the client has sent all of it */
	bool continued; /* it was told 100 Continue */
	bool client_paused;
	bool upstream_paused;
	bool kept_waits; /* the others follow when the endpoint has read those that were sent */
	bool answered; /* its head has been forwarded: no other try, ever */
	bool own_answer; /* it was ours */
	bool response_ended;
	bool goaway_retried; /* a connection was closing as it was used; that was nobody's fault */
	uint8_t tries;
	uint8_t sent_tries; /* of them, such as may have reached an application */
	uint8_t resent; /* retries of what may have been sent */
	uint16_t status; /* sent to the client */

	struct call call;
	struct gzip *gzip; /* the answer is one for it; NULL: it is not */
	const struct conf_route *shaped; /* the route, if it shapes what passes; NULL: it does not */
	const struct service *mirror_of; /* it is such a copy, of a request to this; NULL: a client's */
	struct hold *hold; /* with shaped: keeps it */
	uint64_t body_out; /* to the client */
	uint64_t body_in; /* from the client */

	struct replay replay; /* body bytes that a try may need (again) */
	struct x_times at;
	struct list stalled; /* in worker->stalled: the client takes nothing of the answer */

	char *block; /* holds what head, path and the like are slices of */
	uint32_t block_used, block_size;
	struct auth_wait auth;
	char *trailers; /* of the request, for a later try: a block of loop->large, or NULL */
	struct pace pace;

	struct tunnel tunnel;
	struct lasting lasting;

	uint32_t trailers_len;
	uint32_t kept_sent; /* of the kept bytes, those that this try has been given */
	const struct client_facts *facts; /* valid while client is */
	struct slice path; /* normalised and rewritten */
	uint64_t max_body; /* the route's; 0: none */
	struct service *mirror_to; /* a copy is to go there once all is sent; NULL: none (mirror.h) */
	struct span *first; /* body bytes that came with the head; within exchange_start() only */

	/* Whoever stops a timer writes to its neighbours in the queue: both nodes are in one line. */
	struct timer deadline; /* of the present state */
	struct timer total; /* until the answer's head */
	struct try places[2];

	uint32_t retry_after_s; /* with FAULT_RATE_LIMITED */
	enum admission_class priority; /* the route's */
	uint64_t regions_stale; /* bit i: in region i a kept connection turned out closed once */
	uint64_t regions_failed; /* bit i: one endpoint of region i could not be reached */
	/*
	 * For the next PICK, within one callback; endpoint NULL: none. In PACE the turn it waits for
	 * (pace.h), for up to ADMISSION_WAIT_US: its region, and the endpoint is NULL.
	 */
	struct choice alternative;
	struct pick pick;

	/* from here on nothing is cleared as it begins; who and head are set then */
	struct identity who;
	char request_id[32];
	char route[48]; /* for the log */
	struct head head; /* the request's */
};

/*
 * A request has come, with what of its body came along (first may be empty; end: that is all).
 * head's bytes are copied; first_byte_us is when its first one came. The exchange runs at once
 * and may be over before this returns: then the answer is SIDE_OVER.
 */
enum side_go exchange_start(struct worker *, struct side *client, const struct client_facts *,
    const struct head *, uint64_t first_byte_us, struct span *first, bool end);

/*
 * A connection of a tcp service, for what is asked there. Its bytes wait with the client side until
 * resume(), when the way to an endpoint is open. SIDE_PAUSED or SIDE_OVER.
 */
struct tunnel_request {
	struct service *service;
	struct conf_on_down on_region_down;
	const char *route; /* for the log */
	const struct conf_route *rules; /* whom it lets in; NULL: all. Borrowed for the call */
	struct slice server_name; /* the client's, for the log; may be empty */
};
enum side_go exchange_start_tunnel(struct worker *, struct side *client,
    const struct client_facts *, const struct tunnel_request *);

/*
 * One will start soon, or go on with its answer: its memory, which others have thrown out of the
 * cache, comes back while the socket is read.
 */
void exchange_expect(const struct worker *);
static inline void
exchange_expect_answer(const struct exchange *x)
{
	expect_bytes(x, offsetof(struct exchange, places[1].watched));
}

/* From the client side. */
enum side_go exchange_on_request_body(struct exchange *, struct span *, bool end);
enum side_go exchange_on_request_trailers(struct exchange *, struct head *trailers);
/* The client is gone or broke its own framing; why is what the log says. Ends in release(). */
COLD void exchange_on_client_lost(struct exchange *, enum fault why);

/* From an upstream side; an interim (1xx) answer comes as a head with end false. */
enum side_go exchange_on_response(struct exchange *, struct side *from, const struct head *,
    struct span *first, bool end);
/* A body comes only from the side whose head was forwarded. */
enum side_go exchange_on_response_body(struct exchange *, struct span *, bool end);
enum side_go exchange_on_response_trailers(struct exchange *, const struct head *trailers);
/* The connection failed or ended where it must not. Ends in release(). */
COLD void exchange_on_upstream_lost(struct exchange *, struct side *from, enum fault why);

/* From either side: all it was given is written; the other one may be read again. */
void exchange_on_client_drained(struct exchange *);
void exchange_on_upstream_drained(struct exchange *, struct side *from);

/*
 * Bytes of an answer that are of use to the client now: an endpoint's side reads no more. More
 * than 0: what cannot leave is kept, and then SIDE_PAUSED says so.
 */
static inline size_t
exchange_room(const struct exchange *x)
{
	return x->client != NULL && x->client->ops->room != NULL ? x->client->ops->room(x->client)
								 : LOOP_CHUNK;
}

/* Does the service want Via in its requests? */
bool exchange_adds_via(const struct exchange *);
/* Fills in what an answer's head says beyond the endpoint's: Date, Via, what the route changes. */
void exchange_dress(const struct exchange *, const struct head *, struct forward_response *);
/* Gives the client an answer of our own, with what the route adds to each. */
void exchange_answer(struct exchange *, struct own_answer *);

const char *exchange_state_name(enum x_state);

#endif
