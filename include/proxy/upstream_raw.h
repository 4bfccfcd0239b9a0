/*
 * A connection to an endpoint of a tcp service: carries one tunnel. Worker thread only.
 */
#ifndef PROXY_UPSTREAM_RAW_H
#define PROXY_UPSTREAM_RAW_H

#include "proxy/connection.h"
#include "proxy/raw.h"

struct upstream_raw {
	struct connection connection;
	struct raw raw;
};

#endif
