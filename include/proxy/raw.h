/*
 * A connection as one side of a tunnel from its first byte: what comes in goes to the exchange as it
 * is, what the exchange gives goes out, an end is a half-close. The same for both sides of a tcp
 * service. Where both are clear and much comes at once, bytes pass through the kernel alone
 * (net/splice.h). Embedded in its owner; worker thread only.
 */
#ifndef PROXY_RAW_H
#define PROXY_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "proxy/upstream.h"
#include "proxy/worker_state.h"

struct raw;
struct stream;

struct raw_owner {
	/* The exchange has let go of it; FAULT_NONE: both directions have ended, and all is written. */
	void (*released)(struct raw *, enum fault why);
	/* Bytes have come, for counters. */
	void (*received)(struct raw *, uint64_t count);
};

struct raw {
	struct upstream up; /* what an exchange has of it; of a client only its side */
	const struct raw_owner *owner;
	struct worker *worker;
	struct stream *stream; /* its owner's */
	struct deferred read_on; /* reading, from the loop */
	bool is_client;
	bool paused; /* until resume(), and before the tunnel */
	bool ended; /* nothing more comes from it */
	bool streams; /* much comes at once */
	uint64_t since_wait; /* bytes that came since there was none */
	struct splice_pipe *pipe; /* with what its other side did not take; or NULL */
};

/* All of raw is zero; it begins paused. */
void raw_open(struct raw *, const struct raw_owner *, struct worker *, struct stream *,
    bool is_client);
void raw_close(struct raw *);
/* The side of one: nothing more is read from it until resume(). */
void raw_pause(struct side *);
/* As stream_fn, while it has an exchange. */
void raw_on_stream(struct raw *, unsigned events);

#endif
