/*
 * Mirrors: copies of requests, for a service whose answers nobody waits for.
 *
 * A copy is an exchange like any other, with a client side (proxy/side.h) that drops what it is
 * given. It begins from the loop, once all of the request is written to its own endpoint, and from
 * then on the two have nothing in common: a copy is tried once, counts for its own service only, is
 * the first to be shed, and is broken off when its answer becomes long. Who gets one can tell by
 * X-Mirrored-From. Worker thread only.
 */
#ifndef PROXY_MIRROR_H
#define PROXY_MIRROR_H

#include "proxy/exchange.h"

struct conf_mirror;
struct edits;

void mirrors_open(struct worker *);
/* Breaks off what is under way; before the pool goes. */
void mirrors_close(struct worker *);

/* Draws whether the request, whose service has been found, is copied: x->mirror_to says where to.
 */
void mirror_choose(struct exchange *, const struct conf_mirror *);

/* Copies a request that has been chosen and is whole, if it may be. */
void mirror_copy(struct exchange *);

/* When the exchange has written something: is it time for the copy? */
static inline void
mirror_when_sent(struct exchange *x)
{
	if (x->mirror_to != NULL && x->request_ended)
		mirror_copy(x);
}

/* Says in a copy's head what it is one of. */
void mirror_say(const struct exchange *, struct edits *);

#endif
