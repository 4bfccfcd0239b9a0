/*
 * A worker's listening sockets: accepts, within the limits, and survives running out of
 * descriptors. Worker thread only.
 */
#ifndef PROXY_ACCEPTOR_H
#define PROXY_ACCEPTOR_H

struct acceptor;
struct table;
struct worker;

struct acceptor *acceptor_new(struct worker *);
void acceptor_free(struct acceptor *);
/*
 * Before a table is adopted: no longer listens on what it does not name. What waits in the queue
 * of a socket that goes is accepted first, by the table that named it, so that nobody is refused.
 */
void acceptor_leave(struct acceptor *, const struct table *next);
/* After a table was adopted: listens on what it names. */
void acceptor_adopt(struct acceptor *);
/* The worker drains: empties the queues, then closes this worker's sockets. */
void acceptor_stop(struct acceptor *);
/* A client has gone: accepting may go on, if it had stopped at the limit. */
void acceptor_client_gone(struct acceptor *);
/* Memory has become short, or is no longer: may it accept? */
void acceptor_look(struct acceptor *);

#endif
