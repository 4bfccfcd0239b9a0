/*
 * One client connection speaking HTTP/1: reads requests, one exchange at a time, in order.
 * Worker thread only.
 */
#ifndef PROXY_CLIENT_H1_H
#define PROXY_CLIENT_H1_H

#include <stdbool.h>
#include <stdint.h>

#include "http/h1.h"
#include "proxy/body_rate.h"
#include "proxy/client.h"
#include "proxy/side.h"

enum h1_state {
	H1_HEAD, /* between requests, or within a head */
	H1_BODY,
	H1_TRAILERS,
	H1_TUNNEL,
	H1_TUNNEL_ENDED, /* the client's direction is */
	H1_ANSWER,       /* all of the request is read; its answer is awaited or under way */
};

struct client_h1 {
	struct client conn;

	/* a cache line, with all that answers ask for */
	_Alignas(64) struct side side;
	enum h1_state state;
	bool starved; /* what is saved needs more bytes before it makes sense */
	bool paused;
	bool doubts;    /* the socket is read though nothing has told that it holds anything */
	bool piecemeal; /* once a request did not come whole and by itself: more may follow */
	bool keep;      /* the connection may carry another request */
	bool head_request;
	bool http10;
	bool asked_close;
	bool asked_keep_alive; /* by a field, which a 1.0 client wants to see answered */
	bool chunked_out;
	bool until_close; /* the answer ends with the connection */
	bool broken;      /* an answer was cut: close so that it shows */
	uint32_t saved_len;
	uint32_t requests;
	char *saved; /* bytes read but not understood yet: a block of loop->large, or NULL */
	uint64_t first_byte_us; /* of this request */
	uint64_t old_us;        /* a request that begins after this is the last */

	struct h1_parse parse;
	struct h1_body body;
	struct body_rate rate; /* of the body that comes */
};

extern const struct client_ops client_h1_ops;

#endif
