/*
 * From a request's head to its route: normalises, matches, rewrites. Called by exchange.c only.
 */
#ifndef PROXY_ROUTING_H
#define PROXY_ROUTING_H

#include <stdint.h>

#include "base/fault.h"

struct conf_service;
struct exchange;

/* What the route says to do. */
enum routed {
	ROUTED_SERVICE, /* x->service, x->path and x->pick are set */
	ROUTED_ANSWERED, /* the client was answered */
	ROUTED_NOWHERE, /* x->fault says why */
};

enum routed routing_decide(struct exchange *);

/*
 * What the service's balance goes by, or 0. Who lacks the header or cookie that it names is told apart
 * by address, like everybody else.
 */
uint64_t routing_hash(const struct exchange *, const struct conf_service *);

#endif
