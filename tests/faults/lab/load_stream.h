/*
 * WebSockets by HTTP/2 (RFC 8441): tunnels that are streams of a few connections, for
 * load_tunnel.c.
 */
#ifndef LAB_LOAD_STREAM_H
#define LAB_LOAD_STREAM_H

struct bufferevent;
struct load;

/*
 * A tunnel of this id, which reads as one by HTTP/1.1 does: first a head with 101, or with the
 * status that was given instead, then what the endpoint sends. Its callbacks are deferred; the
 * caller ends it by tunnel_stream_end(). It is asked for as soon as a connection is ready.
 */
struct bufferevent *tunnel_stream_new(struct load *, const char *id);
/* The other end hears an end of the bytes. */
void tunnel_stream_end(struct bufferevent *);

#endif
