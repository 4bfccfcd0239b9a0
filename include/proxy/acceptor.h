/*
 * A worker's listening sockets: accepts, within the limits, and survives running out of
 * descriptors. Worker thread only.
 */
#ifndef PROXY_ACCEPTOR_H
#define PROXY_ACCEPTOR_H

struct acceptor;
struct worker;

struct acceptor *acceptor_new(struct worker *);
void acceptor_free(struct acceptor *);
/*
 * After a table was adopted: listens on what it names and no longer on what it does not. What
 * waits in the queue of a socket that goes is accepted first, so that nobody is refused.
 */
void acceptor_adopt(struct acceptor *);
/* The worker drains: empties the queues, then closes this worker's sockets. */
void acceptor_stop(struct acceptor *);
/* A client has gone: accepting may go on, if it had stopped at the limit. */
void acceptor_client_gone(struct acceptor *);

#endif
