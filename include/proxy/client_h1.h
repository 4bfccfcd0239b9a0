/*
 * One client connection speaking HTTP/1: reads requests, one exchange at a time, in order.
 *
 * Owned by itself from client_h1_accept() until its connection is closed; on worker->clients
 * meanwhile. Worker thread only.
 */
#ifndef PROXY_CLIENT_H1_H
#define PROXY_CLIENT_H1_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"
#include "http/h1.h"
#include "net/stream.h"
#include "proxy/exchange.h"
#include "proxy/side.h"
#include "proxy/worker_state.h"

struct conf_listener;
struct listener;

enum client_state {
	CLIENT_HANDSHAKE,
	CLIENT_HEAD, /* between requests, or within a head */
	CLIENT_BODY,
	CLIENT_TRAILERS,
	CLIENT_ANSWER, /* all of the request is read; its answer is awaited or under way */
	CLIENT_LINGER, /* the last answer is out; what still comes is thrown away */
};

struct client {
	struct side side;
	struct stream stream;
	struct worker *worker;
	struct list node; /* in worker->clients */
	struct listener *listener; /* counted: its connection count is ours too */
	struct client_facts facts;

	enum client_state state;
	struct h1_parse parse;
	struct h1_body body;
	char *saved; /* bytes read but not understood yet: a block of loop->large, or NULL */
	uint32_t saved_len;
	bool starved; /* what is saved needs more bytes before it makes sense */
	bool paused;
	struct deferred read_on;

	bool keep; /* the connection may carry another request */
	bool head_request;
	bool http10;
	bool asked_keep_alive; /* by a field, which a 1.0 client wants to see answered */
	bool chunked_out;
	bool until_close; /* the answer ends with the connection */
	bool broken; /* an answer was cut: close so that it shows */
	bool body_timed; /* the body timer runs */
	uint32_t requests;
	uint64_t first_byte_us; /* of this request */
	uint64_t body_start_ms, body_start_bytes; /* for its least rate */
	uint64_t body_last_ms; /* when bytes of it came last */
	uint64_t stall_bytes; /* waiting when the stall timer was last looked at */

	struct timer timer; /* of the present state */
	struct timer stall; /* while bytes wait for the client */
};

/* Takes the socket and the SSL (NULL: clear) and the caller's reference on the listener. */
void client_h1_accept(struct worker *, struct listener *, const struct conf_listener *, int fd,
    const struct sockaddr *peer, SSL *);

/* The worker drains: no request after the present one; closes if it stays idle. */
void client_h1_drain(struct client *);
/* Closes it now, whatever is in flight. */
void client_h1_close(struct client *);

#endif
