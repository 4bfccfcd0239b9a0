/*
 * An exchange that has become a tunnel: bytes both ways as they come, each direction with its own
 * end, until both have ended (RFC 9110 section 7.8; a connection of a tcp service is one from its
 * first byte).
 *
 * What it writes to a side that does not take it makes the other one wait, as for bodies. A tunnel
 * in which nothing moves for timeouts.tunnel ends. Those of a region that is DOWN or EVACUATED are
 * kept, ended after a while or reset, as their route or listener says, a tenth of them a second.
 * Worker thread only.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/list.h"
#include "conf/topology.h"
#include "proxy/side.h"
#include "proxy/worker_state.h"

struct exchange;
struct service_region;
struct worker;

/* An exchange's part; all zero while it is none. */
struct tunnel {
	struct list node; /* in its region's */
	struct deferred settle; /* runs the exchange from the loop */
	struct conf_on_down on_region_down;
	bool raw; /* from its first byte: there was no request */
	bool begun; /* both ways are open, or have been */
	bool client_ended; /* its direction, as seen by us */
	bool endpoint_ended;
	bool client_waits; /* it has not taken all that it was given */
	bool endpoint_waits;
	bool gently; /* ended by us, but not cut */
};

/* A region's part: its tunnels in this worker, the oldest first. */
struct region_tunnels {
	struct list node; /* in worker->tunnel_regions while there are any */
	struct list list; /* struct tunnel.node */
	uint32_t count;
	uint32_t had; /* as the region went down */
	uint64_t down_us; /* it has been down since; 0: it is not */
	uint64_t next_us; /* when the next one may end */
};

void tunnels_open(struct worker *);
void tunnels_close(struct worker *);
void tunnels_end(struct worker *); /* the worker leaves: each side hears an end */

/*
 * Both ways are open: from now on the exchange is a tunnel. drained: the client has taken all it was
 * given. The answer is the endpoint's side's.
 */
enum side_go tunnel_begin(struct exchange *, bool drained);
/* The same for a raw one, whose try has its connection: both sides may go on. */
void tunnel_connected(struct exchange *);
/* Before the exchange goes; nothing for one that never became a tunnel. */
void tunnel_end(struct exchange *);
/* Have both directions ended, and has each side taken everything? */
bool tunnel_is_over(const struct exchange *);

/* As exchange_on_*() of the same names say, for a tunnel. */
enum side_go tunnel_on_client_bytes(struct exchange *, struct span *, bool end);
enum side_go tunnel_on_endpoint_bytes(struct exchange *, struct span *, bool end);
/*
 * The same for bytes that a side of a raw one has moved to the other by itself. emptied: the other
 * has taken all of them; if not, the side waits for resume().
 */
void tunnel_on_moved(struct exchange *, bool from_client, uint64_t bytes, bool emptied);
/* The other side. */
struct side *tunnel_other(struct exchange *, const struct side *);
void tunnel_on_client_drained(struct exchange *);
void tunnel_on_endpoint_drained(struct exchange *);
void tunnel_on_endpoint_lost(struct exchange *, enum fault why);
/* Nothing has moved for too long. */
void tunnel_on_idle(struct exchange *);

#endif
