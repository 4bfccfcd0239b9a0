/*
 * From a request's head to its route: normalises, matches, rewrites. Called by exchange.c only.
 */
#ifndef PROXY_ROUTING_H
#define PROXY_ROUTING_H

#include "base/fault.h"

struct exchange;

/* What the route says to do. */
enum routed {
	ROUTED_SERVICE, /* x->service, x->path and x->pick are set */
	ROUTED_ANSWERED, /* the client was answered */
	ROUTED_NOWHERE, /* x->fault says why */
};

enum routed routing_decide(struct exchange *);

#endif
