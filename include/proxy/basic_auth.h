/*
 * Basic authentication (RFC 7617) against a route's users.
 *
 * What was verified once is remembered by a keyed hash of name, password and what the file says, so
 * a request costs a lookup; what was not is verified beside the worker (verifier.h), and the request
 * waits. A client, an IPv4 address or an IPv6 /64, has a few passwords verified at a time and no more.
 * Worker thread only.
 */
#ifndef PROXY_BASIC_AUTH_H
#define PROXY_BASIC_AUTH_H

#include "base/list.h"

struct basic_auth;
struct exchange;
struct worker;

enum auth_verdict {
	AUTH_UNASKED,
	AUTH_WAITS, /* exchange_run() follows */
	AUTH_GOOD,
	AUTH_BAD,
	AUTH_BUSY, /* too many wait already */
};

/* An exchange's part. */
struct auth_wait {
	struct list node; /* among those who wait for the same */
	enum auth_verdict verdict;
};

struct basic_auth *basic_auth_new(struct worker *);
void basic_auth_free(struct basic_auth *); /* no exchange may be left */

/* x->shaped has basic_auth. The first call asks; later ones tell what has come of it. */
enum auth_verdict basic_auth_check(struct exchange *);
/* Answers 401. */
void basic_auth_refuse(struct exchange *);
/* The exchange is over. */
void basic_auth_forget(struct exchange *);

#endif
