/*
 * A try that failed quickly, or was answered quickly with an error, still counts as in flight for as long as its region takes for an answer
 * in the median: else the endpoint that fails fastest looks least busy and attracts the most
 * (Amazon Builders' Library: a black hole attracts).
 *
 * Worker thread only.
 */
#ifndef PROXY_PENALTY_H
#define PROXY_PENALTY_H

struct try;
struct worker;

void penalties_open(struct worker *);
void penalties_close(struct worker *); /* ends all of them; before the pool goes */

/* Takes over the failed try's place in its shard's in_flight; gives it back when it is time. */
void penalty_begin(struct try *);

#endif
