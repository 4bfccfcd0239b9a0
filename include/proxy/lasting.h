/*
 * What of an exchange may last for days, and so outlive its region: a tunnel, or a gRPC call whose
 * messages go on.
 *
 * Those of a region that is EVACUATED, or DOWN and sent nothing new, are kept, ended after a while
 * or reset, as their route or listener says (on_region_down), a tenth of them a second. A call
 * hears UNAVAILABLE either way, upon which its client asks anew. Calls that are to be kept are in
 * no list.
 * Worker thread only.
 */
#ifndef PROXY_LASTING_H
#define PROXY_LASTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "conf/topology.h"

struct exchange;
struct worker;

/* An exchange's part. */
struct lasting {
	struct list node; /* in its region's while it may last */
	struct region_lasting *in;
	struct conf_on_down on_region_down;
};

/* A region's part: what lasts there in this worker, the oldest first. */
struct region_lasting {
	struct list node; /* in worker->lasting_regions while there is any */
	struct list list; /* struct lasting.node */
	uint32_t count;
	uint32_t had;     /* as the region went down */
	uint64_t down_us; /* it has been down since; 0: it is not */
	uint64_t next_us; /* when the next one may end */
};

void lasting_open(struct worker *);
void lasting_close(struct worker *);

/* From now on it, which its leading try's region serves, may last. */
void lasting_begin(struct exchange *);
/*
 * The same for a request whose messages may go on for as long as anybody likes, either way: if it
 * is a gRPC call that is not to be kept. Nothing for any other, and for one that is listed.
 */
void lasting_begin_call(struct exchange *);
/* It lasts no longer, or not there; false: it was none. */
bool lasting_end(struct exchange *);

#endif
