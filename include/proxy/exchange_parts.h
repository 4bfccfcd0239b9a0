/*
 * What the two files of an exchange share: the state machine (exchange.c) and what its sides
 * report (exchange_sides.c). Worker thread only.
 */
#ifndef PROXY_EXCHANGE_PARTS_H
#define PROXY_EXCHANGE_PARTS_H

#include <stdbool.h>

struct exchange;

/* Runs steps until one must wait. False: the exchange is gone. */
bool exchange_run(struct exchange *);
/* Starts the deadline of the present state anew. */
void exchange_arm(struct exchange *);
/* The client has sent all of its request: from now on the answer is due. */
void exchange_request_ended(struct exchange *);
/* Tells the client of x->fault. */
void exchange_answer_failure(struct exchange *);

#endif
