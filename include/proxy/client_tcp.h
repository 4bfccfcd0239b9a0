/*
 * A client connection of a tcp or tls_passthrough listener: one tunnel. Of a passed-through TLS
 * connection the server name in its first bytes picks the service; they are sent on unchanged.
 * Worker thread only.
 */
#ifndef PROXY_CLIENT_TCP_H
#define PROXY_CLIENT_TCP_H

#include "proxy/client.h"
#include "proxy/raw.h"

struct client_tcp {
	struct client conn;
	struct raw raw;
};

extern const struct client_ops client_tcp_ops;

#endif
