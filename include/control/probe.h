/*
 * One endpoint's prober: connects, asks, judges the answer; keeps its connection between probes
 * where the check says so.
 *
 * Embedded in its owner; belongs to one loop's thread. Holds buffers only while an answer comes in
 * pieces, so ten thousand of them are small.
 */
#ifndef CONTROL_PROBE_H
#define CONTROL_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"
#include "http/h1.h"
#include "net/stream.h"
#include "net/tls_client.h"
#include "steer/check.h"

struct endpoint;
struct probe;
struct probe_h2;
struct site;

enum { PROBE_BODY_MAX = 16 * 1024 }; /* how far into a body its text is looked for */

struct probe_result {
	bool evidence; /* false: our own doing (no descriptor, a stalled clock); says nothing */
	bool answered; /* latency_us is the endpoint's */
	struct check_result check;
	uint64_t latency_us;
	int64_t certificate_ends_s; /* of the last handshake, since 1970; 0: there was none */
};

/* Called from the event loop exactly once per probe_start(), never before that has returned. */
typedef void probe_fn(struct probe *, const struct probe_result *, void *arg);

enum probe_state {
	PROBE_CLOSED, /* no connection */
	PROBE_OPENING, /* TCP and TLS */
	/* from here on the stream may be read */
	PROBE_HEAD, /* waits for the answer's head */
	PROBE_BODY, /* looks for the expected text */
	PROBE_REST, /* judged; the rest of the body must pass before the connection can be kept */
	PROBE_SPEECH, /* of a tcp check: looks for the expected text */
	PROBE_KEPT, /* judged; the connection is idle */
};

struct probe {
	/* read by the owner */
	struct loop *loop;
	const struct endpoint *endpoint; /* borrowed: outlives the probe */
	bool running; /* a result will follow */

	/* private to control/probe.c */
	enum probe_state state;
	bool judged;
	bool reused;
	uint8_t interim;
	struct site *site;
	probe_fn *fn;
	void *arg;
	struct timer deadline;
	struct stream stream;
	struct tls_session_slot session;
	int64_t certificate_ends_s;
	uint64_t shaken_us; /* when it was shown that, and not what a session remembered */
	uint64_t started_us;
	uint64_t slice_us; /* when the deadline's slice under way began */
	uint32_t left_ms;  /* of the deadline, without that slice */
	struct probe_result result; /* until it is told */
	char *held; /* a block with the beginning of a head, or NULL */
	uint32_t held_len;
	bool held_large;
	bool keep_alive; /* as the answer said */
	uint32_t matched; /* state of the search for the text */
	uint64_t body_seen;
	struct h1_parse parse;
	struct h1_body body;
	struct probe_h2 *h2; /* owned, while the connection speaks HTTP/2; else NULL */
};

/* Makes a zeroed probe ready; site may be exchanged later. */
void probe_init(struct probe *, struct loop *, const struct endpoint *, probe_fn *, void *arg);
/* Closes everything; a running probe ends without a result. */
void probe_close(struct probe *);

/* Not while one is running. site is borrowed until the result, or until probe_move(). */
void probe_start(struct probe *, struct site *);
/* A running probe goes on under a site that site_equal() calls the same. */
void probe_move(struct probe *, struct site *);

#endif
