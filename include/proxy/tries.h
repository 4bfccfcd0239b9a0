/*
 * The tries of an exchange: choosing an endpoint, sending the request to it, letting go of it, and
 * whether another one may follow. Called by exchange.c only.
 */
#ifndef PROXY_TRIES_H
#define PROXY_TRIES_H

#include <stdbool.h>

#include "base/fault.h"

struct endpoint;
struct exchange;

/*
 * An endpoint for the next try, its region's index in x->region; NULL: none is left. The ladder:
 * by share and balance at first; after an endpoint that could not be reached another one of the
 * same region, once; after anything else, or twice, another region if there is any.
 */
struct endpoint *tries_choose(struct exchange *);

/* Makes ep this try's endpoint: from here on it counts. */
void tries_begin(struct exchange *, struct endpoint *);

/*
 * Writes head and what there is of the body to x->up, as far as it takes that. False: nothing more
 * until it is drained; then tries_send_more() goes on with what was kept.
 */
bool tries_send(struct exchange *);
bool tries_send_more(struct exchange *);

/* Lets go of endpoint and connection; why is what the endpoint is to blame for, or FAULT_NONE. */
void tries_end(struct exchange *, enum fault why);

/* Lets go of what the log says about the last try. */
void tries_forget(struct exchange *);

/*
 * After a failed try (x->fault): may another one follow? Takes a token of the budget if that is
 * what it needs, and remembers what to avoid.
 */
bool tries_may_go_on(struct exchange *);

#endif
