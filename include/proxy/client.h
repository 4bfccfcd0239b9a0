/*
 * A client connection, whatever it speaks: from accept() through the stages before a protocol
 * (PROXY header, TLS) to its last goodbye. A protocol embeds it first and takes over between
 * start() and the end.
 *
 * Owned by itself from client_accept() until it is closed; on worker->clients meanwhile. Worker
 * thread only.
 */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"
#include "net/stream.h"
#include "proxy/exchange.h"
#include "proxy/worker_state.h"

struct client;
struct conf_listener;
struct listener;

/* A protocol. Nothing of it is called before start() or after client_linger(). */
struct client_ops {
	/* The connection is open and everything behind struct client zeroed. Does not end it. */
	void (*start)(struct client *);
	/* As stream_fn, but STREAM_OPENED was before start(). */
	void (*on_stream)(struct client *, unsigned events);
	/* What waits for the client has not gone out in time: its end, in client_free(). */
	void (*stalled)(struct client *);
	/*
	 * Looked at every STALLED_MS while bytes wait for it: has it taken next to nothing since?
	 * Does not end it. NULL: not asked.
	 */
	void (*rests)(struct client *, bool);
	/* It is leaving: nothing new; closes by itself, soon if it is idle. */
	void (*drain)(struct client *);
	/* Ends now, whatever is in flight, in client_free(). */
	void (*close)(struct client *);
};

enum client_stage {
	CLIENT_HEADER,    /* a PROXY header comes first */
	CLIENT_HANDSHAKE, /* TLS */
	CLIENT_PREFACE,   /* in clear text, its first bytes tell what it speaks */
	CLIENT_SERVED,    /* its protocol's */
	CLIENT_LINGER,    /* the last answer is out; what still comes is thrown away */
};

struct client {
	struct stream stream;
	const struct client_ops *ops;
	struct worker *worker;
	enum client_stage stage;
	bool leaving;          /* its worker or its listener goes: nothing new after what is under way */
	bool h2c;              /* its listener takes HTTP/2 in clear text */
	bool counted;          /* in the crowd, as facts.peer */
	struct timer stall;    /* while bytes wait for the client */
	struct timer timer;    /* of the present stage; the protocol's while it serves */
	struct deferred go_on; /* reading, from the loop; its fn is the protocol's to set */
	struct client_facts facts;

	struct list node;          /* in worker->clients */
	struct listener *listener; /* counted: its connection count is ours too */
	enum conf_protocol protocol; /* its listener's */
	SSL *ssl;     /* owned until the PROXY header is read, else NULL */
	uint64_t linger_until;   /* of stream.bytes_in: who goes on beyond it is closed */
	uint64_t stall_bytes;    /* that waited at stall_since_ms */
	uint64_t stall_since_ms; /* what is to be taken within send_stall is, from here on */
	uint64_t stall_taken;    /* by its kernel's word, when it was last looked at */
};

/* What one block of worker->client_slab must hold: the largest of all protocols. */
size_t client_block_size(void);

/*
 * Takes the socket and the caller's reference on the listener; who is not welcome gets a reset, at
 * once: that costs both sides least.
 */
void client_accept(struct worker *, struct listener *, const struct conf_listener *, int fd,
    const struct sockaddr *peer);
void client_drain(struct client *);
void client_close(struct client *);

/* ---- for protocols ---- */

/* Restarts the one timer; fn is given the client. */
void client_start_timer(struct client *, uint32_t ms, timer_fn *fn);
/* How long it may be without a request; with keep_alive 0 as long as a first head may take. */
uint32_t client_idle_ms(const struct client *);
/* Its `max_age`, up to a tenth more so that what came together does not go together; 0: none. */
uint32_t client_age_ms(const struct client *);
/* After each write: does anything wait? */
void client_watch_stall(struct client *);
/*
 * Says goodbye and listens on for a while: closing a socket that still receives makes the kernel
 * send a reset, and that may overtake the answer (RFC 9112 section 9.6). The protocol has let go
 * of all that is its own. It is a client that counts like any other, for 2 s and 16 MiB at most.
 */
void client_linger(struct client *);
/*
 * What the present table says about its listener; NULL: it does not name it any more. Valid within
 * one callback.
 */
const struct conf_listener *client_conf(const struct client *);
/* Closes it. The protocol has let go of all that is its own. */
void client_free(struct client *);

#endif
