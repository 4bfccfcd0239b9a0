/*
 * The seam between an exchange and the protocols on its two sides. A client connection and an
 * upstream connection each fill a struct side_ops; the exchange knows no protocol.
 *
 * Worker thread only. Bytes are pushed: a side that has read something calls exchange_on_*(),
 * whose answer says whether to go on.
 */
#ifndef PROXY_SIDE_H
#define PROXY_SIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "http/forward.h"
#include "http/message.h"

struct exchange;
struct side;

/* What a side does after it has handed something to its exchange. */
enum side_go {
	SIDE_ON, /* read on */
	SIDE_PAUSED, /* stop reading until resume() */
	SIDE_OVER, /* release() was called meanwhile: touch nothing */
};

struct side_ops {
	/*
	 * Sends a head with the first body bytes in one write; end: that is all of the message.
	 * as tells what a request to an endpoint says beyond the client's; NULL towards a client.
	 * Returns false when the side wants no more until exchange_on_drained().
	 */
	bool (*send_head)(struct side *, const struct head *, const struct forward_request *as,
	    struct span *first, bool end);
	bool (*send_body)(struct side *, struct span *, bool end);
	/*
	 * Clients only: bytes of an answer that it takes now, or keeps; at least a few thousand.
	 * NULL: LOOP_CHUNK, always.
	 */
	size_t (*room)(struct side *);
	/* Ends the message with trailers. */
	bool (*send_trailers)(struct side *, const struct head *trailers);
	/* Read on after SIDE_PAUSED; never delivers before it returns. */
	void (*resume)(struct side *);
	/*
	 * The exchange is over for this side; FAULT_NONE: the message went through whole. Otherwise
	 * what is unfinished is broken off so that nobody can take it for complete.
	 */
	void (*release)(struct side *, enum fault why);
	/* Clients only: an answer of the proxy's own, whole. */
	void (*answer)(struct side *, struct own_answer *);
	/*
	 * Clients only: the answer takes its time; is the client still there? Tells from the loop.
	 * NULL: it looks by itself.
	 */
	void (*doubt)(struct side *);
	/* Clients only: 100 Continue, because somebody is ready to take the body. */
	void (*proceed)(struct side *);
};

struct side {
	const struct side_ops *ops;
	struct exchange *exchange; /* NULL: none now */
};

#endif
