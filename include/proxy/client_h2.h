/*
 * One client connection speaking HTTP/2: an nghttp2 server session over a stream; each of its
 * streams is a side with an exchange. Worker thread only.
 *
 * Nothing of a connection or a stream is freed, and no body is handed on, inside nghttp2: its
 * callbacks record, client_h2_read() and the flush act. Frames gather and leave in one write for
 * each turn of the loop.
 */
#ifndef PROXY_CLIENT_H2_H
#define PROXY_CLIENT_H2_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"
#include "proxy/client.h"
#include "proxy/h2_abuse.h"
#include "proxy/h2_memory.h"

struct h2_stream;
struct h2_building;

/* What the connection's one timer waits for. */
enum client_h2_wait {
	H2_WAIT_NOTHING,
	H2_WAIT_REQUEST, /* there is no stream */
	H2_WAIT_HEAD,    /* a header section has begun and must end */
};

struct client_h2 {
	struct client conn;
	nghttp2_session *session;
	struct h2_memory memory;
	struct h2_abuse abuse;

	struct h2_building
	    *building;       /* a header section under way: a block of loop->large, or NULL */
	struct list streams; /* struct h2_stream.node */
	struct list news; /* struct h2_stream.news: something of the request is to be handed on */
	struct list blocked;   /* struct h2_stream.blocked: their exchange waits for room */
	struct list dead;      /* struct h2_stream.node: nghttp2 has closed them */
	unsigned stream_count; /* not dead */
	unsigned large;        /* streams of which a large block is kept */
	unsigned finishing;    /* of them, struct h2_stream.finishing */
	unsigned started;      /* exchanges, in this turn */
	uint32_t requests;
	uint32_t newest; /* stream that the client has opened, by half its id; */
	uint64_t opened; /* bit i: newest - i was opened too */

	char *out; /* frames for this turn's write: a block of loop->large, or NULL */
	uint32_t out_len;
	bool inside;    /* nghttp2 is on the stack: nothing may be sent */
	bool parting;   /* the last stream to be served is settled, and the client not told yet */
	bool failed;    /* the session can't go on; what is gathered is the last */
	bool read_over; /* the client's direction has ended, or is of no more interest */
	bool doubts;    /* the socket is read though nothing has told that it holds anything */
	struct deferred flush;

	enum client_h2_wait wait;
	bool
	    going; /* has said goodbye: streams that are on their way are still taken for a while */
	struct timer age; /* until the goodbye begins, then until its second half */
	struct timer look;
};

extern const struct client_ops client_h2_ops;

/* What a worker holds for all its HTTP/2 clients; worker->h2. */
struct client_h2_shared *client_h2_shared_new(void);
void client_h2_shared_free(struct client_h2_shared *);

#endif
