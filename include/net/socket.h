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
#include "base/hints.h"
#include "conf/topology.h"

/* Bytes that may wait in the kernel for a client that does not read. */
enum { SOCKET_UNSENT_MAX = 256 * 1024 };

/*
 * A listening, non-blocking, close-on-exec socket with SO_REUSEADDR and, for IP, SO_REUSEPORT;
 * -1 with an error that says what to do. A unix socket's stale file is replaced (never a file
 * that is no socket). What it accepts inherits TCP_NODELAY, the usual keepalive and
 * SOCKET_UNSENT_MAX.
 */
int socket_listen(const struct conf_address *, uint32_t backlog, struct error *);
/*
 * Is nobody listening there yet? SO_REUSEPORT would let a second process of the same user share
 * the port and take half the traffic unnoticed, so ask once before the first socket_listen().
 */
bool socket_is_free(const struct conf_address *, struct error *);

/*
 * Between true and false, at the start: others may listen where we are about to. Ports are shared
 * with them, a unix socket of theirs is replaced. Main thread, before there are others.
 */
void socket_listen_beside(bool);
/*
 * As socket_listen(), but beside others no connection comes to it, which nobody would accept yet:
 * one of IP is only bound, before socket_listen_now(); a unix socket, then elsewhere is true, has
 * another name beside its path, before socket_arrive().
 */
int socket_listen_later(
    const struct conf_address *, uint32_t backlog, bool *elsewhere, struct error *);
/* It replaces what is at its path. False with errno. */
bool socket_arrive(const struct conf_address *);
/* It never will. */
void socket_stay_away(const struct conf_address *);
/* False with errno. One that listens goes on to. */
bool socket_listen_now(int fd, uint32_t backlog);
/* Do connections come to it? */
bool socket_listens(int fd);

/* When TCP asks a silent peer whether it is there, and how often without an answer. */
struct socket_keepalive {
	uint32_t idle_s, interval_s; /* 1..32767 */
	uint32_t probes;             /* 1..127 */
};
extern const struct socket_keepalive socket_keepalive_usual; /* 10 s, 3 s, 3 times */

/*
 * A connecting non-blocking socket (TCP_NODELAY, keepalive); -1 with errno, of which EADDRNOTAVAIL
 * means that all ports towards sa are taken. *pending: in progress.
 */
int socket_connect(
    const struct sockaddr *, socklen_t, const struct socket_keepalive *, bool *pending);

/* TCP_NODELAY and the usual keepalive for a client socket that socket_listen()'s did not accept. */
void socket_tune_client(int fd);

/* From now on closing it resets the connection: nobody takes that for a proper end. */
COLD void socket_reset_at_close(int fd);

/* Bytes have arrived that nobody has read: closing it now resets the connection. */
bool socket_has_unread(int fd);

/* What the kernel knows of the way to a peer. */
struct socket_path {
	uint32_t rtt_us;             /* round trip, smoothed; 0: not measured */
	uint32_t sent_ago_ms;        /* since bytes were last sent, for the first time or again */
	uint32_t heard_ago_ms;       /* since an acknowledgement came, of new bytes or not */
	uint64_t acknowledged_bytes; /* in the connection's life */
	uint64_t written_bytes;      /* at most: they, and what the kernel still has to send */
	uint32_t resends;            /* segments sent again in its life, on suspicion too */
	bool unacknowledged;         /* bytes are under way */
	bool resent;                 /* the oldest of them timed out and were sent again */
};
bool socket_path(int fd, struct socket_path *); /* false: not TCP, or not connected */

/* "192.0.2.1:443" / "[::1]:443" / "unix"; size at least 64. Returns buf. */
char *socket_format(const struct sockaddr *, char *buf, size_t size);
/* The address alone, without brackets or port; returns its length. IPv4-mapped IPv6 as IPv4. */
size_t socket_format_ip(const struct sockaddr *, char *buf, size_t size);
bool socket_addr_equal(const struct sockaddr *, const struct sockaddr *);
uint16_t socket_port(const struct sockaddr *);

/* Raises the file-descriptor limit to the hard limit; returns the limit now. */
uint64_t socket_raise_fd_limit(void);

#endif
