/*
 * What the parts of an exchange share: how it begins (exchange_start.c), the state machine
 * (exchange.c), how a try comes to its connection (exchange_connect.c), what the sides report
 * (exchange_sides.c), and second tries (rival.c). Worker thread only.
 */
#ifndef PROXY_EXCHANGE_PARTS_H
#define PROXY_EXCHANGE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

struct client_facts;
struct exchange;
struct service;
struct side;
struct head;
struct try;

/* Runs steps until one must wait. False: the exchange is gone. */
bool exchange_run(struct exchange *);
/* Starts the deadline of the present state anew. */
void exchange_arm(struct exchange *);
/* The client has sent all of its request: from now on the answer is due. */
void exchange_request_ended(struct exchange *);
/* So much of a body may be kept for another try. */
size_t exchange_replay_limit(const struct exchange *);
/* May len bytes more of its body be kept for another try? */
bool exchange_keeps(const struct exchange *, size_t len);
/* Nothing more of it is needed: a tunnel may outlive many configurations. */
void exchange_let_go_of_route(struct exchange *);
/* Tells the client of x->fault. */
void exchange_answer_failure(struct exchange *);
/*
 * One of its tries has failed: the other one carries on if there is one, else the exchange has
 * failed. Runs it.
 */
void exchange_lose_try(struct exchange *, struct try *, enum fault why);
/*
 * Ends what is open to an endpoint, for a reason of ours that nobody is blamed for. gently: each
 * side of a tunnel hears an end of its bytes; else a reset. Runs it.
 */
void exchange_give_up(struct exchange *, enum fault why, bool gently);
/* Where it stands after a failed try that another one follows: PICK, or a pause before it. */
void exchange_go_on(struct exchange *);

/* Hands on what may pass of a request's trailers; hides the rest of them. */
void exchange_send_trailers(struct try *, struct head *trailers);

/*
 * exchange_start.c: a copy of a whole request for another service (mirror.h), with another client
 * side; nothing is done about it before exchange_begin_copy(), which may be the end of it.
 */
struct exchange *exchange_copy(const struct exchange *, struct side *client,
    const struct client_facts *, struct service *to);
void exchange_begin_copy(struct exchange *);

/*
 * exchange_connect.c: a connection for an active try, now or later, or t->fault; exchange_run()
 * follows what is later.
 */
void exchange_connect(struct try *);

#endif
