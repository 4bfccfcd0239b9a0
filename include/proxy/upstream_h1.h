/*
 * An HTTP/1 connection to an endpoint: sends a request, reads its answer. Worker thread only.
 */
#ifndef PROXY_UPSTREAM_H1_H
#define PROXY_UPSTREAM_H1_H

#include <stdbool.h>
#include <stdint.h>

#include "http/h1.h"
#include "http/websocket.h"
#include "proxy/connection.h"
#include "proxy/upstream.h"
#include "proxy/worker_state.h"

enum upstream_read { UP_IDLE, UP_HEAD, UP_BODY, UP_TRAILERS, UP_TUNNEL, UP_OVER };

struct upstream_h1 {
	struct connection connection;
	struct upstream up;

	/* the answer being read */
	enum upstream_read reading;
	enum method method; /* of the request on it */
	uint64_t sent_turn; /* of the loop, as that was sent */
	bool chunked_out; /* the request's body goes out chunked */
	bool request_sent;
	bool upgrade; /* the request on it asks for another protocol */
	bool websocket; /* it came as an extended CONNECT: the key is ours */
	bool tunnel; /* it was granted; stays so when the endpoint's direction has ended */
	bool keep; /* the answer's head allows another request */
	bool paused; /* the exchange wants no more now */
	bool nominates; /* the answer's Connection names fields */
	uint8_t interims;
	uint32_t interim_bytes;
	char *saved; /* a head or trailers in pieces: a block, or NULL */
	uint32_t saved_len;
	struct h1_body body;
	struct h1_parse parse;
	struct deferred read_on; /* reading goes on from the loop */
	char accept[WEBSOCKET_ACCEPT]; /* with websocket: what it must be answered with */
};

#endif
