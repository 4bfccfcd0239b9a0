/*
 * Sockets: the options we set and why, in one place.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "conf/topology.h"

/*
 * A listening, non-blocking, close-on-exec socket with SO_REUSEADDR and, for IP, SO_REUSEPORT; -1 with an
 * error that says what to do. A unix socket's stale file is replaced (never a file that is no socket).
 */
int socket_listen(const struct conf_address *, uint32_t backlog, struct error *);

/* A connecting non-blocking socket (TCP_NODELAY, keepalive 10 s/3 s x 3, user timeout); -1 with errno. *pending: in progress. */
int socket_connect(const struct sockaddr *, socklen_t, bool *pending);

/* For an accepted client socket: TCP_NODELAY, keepalive. */
void socket_tune_client(int fd);

/* "192.0.2.1:443" / "[::1]:443" / "unix"; size at least 64. Returns buf. */
char *socket_format(const struct sockaddr *, char *buf, size_t size);
/* The address alone, without brackets or port; returns its length. IPv4-mapped IPv6 as IPv4. */
size_t socket_format_ip(const struct sockaddr *, char *buf, size_t size);
bool socket_addr_equal(const struct sockaddr *, const struct sockaddr *);
uint16_t socket_port(const struct sockaddr *);

/* Raises the file-descriptor limit to the hard limit; returns the limit now. */
uint64_t socket_raise_fd_limit(void);

#endif
