/*
 * What a try has on lease: the way to an endpoint for one request and its answer, whatever protocol
 * carries it. An HTTP/1 connection lends itself whole.
 *
 * Its side's release() gives it back; worker thread only.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "proxy/side.h"

struct connection;

struct upstream {
	struct side side; /* the exchange's view of it */
	struct connection *connection;
};

#endif
