/*
 * Once a second, what a worker does about regions that are not asked: connections of a region that
 * is DOWN are closed, and a few to standbys are kept open, TLS done, so that a failover begins with
 * connections and not with handshakes. Worker thread only.
 */
#ifndef PROXY_UPKEEP_H
#define PROXY_UPKEEP_H

struct worker;

void upkeep_start(struct worker *);
void upkeep_stop(struct worker *);

#endif
