/* SPDX-License-Identifier: Apache-2.0 */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "net/port_owner.h"

const struct socket_keepalive socket_keepalive_usual = { 10, 3, 3 };

static bool
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/*
 * No TCP_USER_TIMEOUT: since Linux 5.11 it also runs while the peer's window is closed, so an
 * origin that is merely busy for that long while an upload waits would be cut off. Who needs to
 * know whether the path is dead asks socket_path().
 */
static bool
tune(int fd, const struct socket_keepalive *k)
{
	return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
	    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
	    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)k->idle_s) &&
	    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)k->interval_s) &&
	    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)k->probes);
}

/*
 * What waits in the kernel for a client that does not read: without a bound the send buffer grows
 * to 4 MiB and more, and some hundred of them put the whole machine's TCP under pressure, so that
 * it drops the SYNs of others. What is under way is not bounded: a fast and long path is filled.
 * Connections have it from their listener.
 */
static bool
bound_unsent(int fd)
{
	return set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, SOCKET_UNSENT_MAX);
}

void
socket_reset_at_close(int fd)
{
	struct linger now = { 1, 0 };

	/* It can fail only for what is no socket. */
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) < 0)
		log_error("cannot set SO_LINGER: %m");
}

void
socket_tune_client(int fd)
{
	static struct log_limit limit;

	/* A unix socket has none of these; a client that reset already has gone anyway. */
	if (!tune(fd, &socket_keepalive_usual) && errno != EOPNOTSUPP && errno != ENOPROTOOPT &&
	    errno != EINVAL)
		log_limited(&limit, LOG_LEVEL_WARN, "cannot set options of a client socket: %s",
		    strerror(errno));
}

static bool
is_any6(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;

	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

/* Sets e for a listen that failed with errno: what, why, and what to do about it. */
static void
explain(struct error *e, const struct conf_address *a)
{
	int err = errno;
	char owner[PORT_OWNER_SIZE];

	switch (err) {
	case EADDRINUSE:
		port_owner_find((const struct sockaddr *)&a->addr, owner);
		error_set(e,
		    "cannot listen on %s: the address is in use%s%s; stop that process or "
		    "choose another port",
		    a->text, owner[0] != '\0' ? " by " : "", owner);
		break;
	case EACCES:
	case EPERM:
		if (a->addr.ss_family == AF_UNIX)
			error_set(e,
			    "cannot listen on %s: %s; give the user write access to its "
			    "directory",
			    a->text, strerror(err));
		else
			error_set(e,
			    "cannot listen on %s: no permission for a port below 1024; start "
			    "as root, give the binary CAP_NET_BIND_SERVICE, or choose a higher "
			    "port",
			    a->text);
		break;
	case EADDRNOTAVAIL:
		error_set(e,
		    "cannot listen on %s: this host has no such address; add it to an "
		    "interface or bind 0.0.0.0 or [::]",
		    a->text);
		break;
	case EMFILE:
	case ENFILE:
		error_set(e, "cannot listen on %s: %s; raise the file-descriptor limit (ulimit -n)",
		    a->text, strerror(err));
		break;
	default:
		error_set(e, "cannot listen on %s: %s", a->text, strerror(err));
		break;
	}
}

static bool beside; /* see socket_listen_beside() */

void
socket_listen_beside(bool may)
{
	beside = may;
}

/*
 * A socket file left behind by a process that died would block the address for ever. It is
 * removed only when nobody answers on it. False: it must stay, and e says why.
 */
static bool
clear_stale_file(const struct conf_address *a, struct error *e)
{
	const struct sockaddr_un *un = (const void *)&a->addr;
	struct stat st;
	int fd, rc, err;

	if (un->sun_path[0] == '\0' || (lstat(un->sun_path, &st) < 0 && errno == ENOENT))
		return true;
	if (lstat(un->sun_path, &st) < 0) {
		error_set(e, "cannot listen on %s: %s", a->text, strerror(errno));
		return false;
	}
	if (!S_ISSOCK(st.st_mode)) {
		error_set(e,
		    "cannot listen on %s: a file that is no socket is in the way; move it or "
		    "choose another path",
		    a->text);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		explain(e, a);
		return false;
	}
	rc = connect(fd, (const struct sockaddr *)un, a->len);
	err = errno;
	close(fd);
	if (rc == 0 && beside)
		return true;
	if (rc == 0 || err != ECONNREFUSED) {
		error_set(e,
		    "cannot listen on %s: another process listens there%s%s; stop it or "
		    "choose another path",
		    a->text, rc < 0 ? ": " : "", rc < 0 ? strerror(err) : "");
		return false;
	}
	if (unlink(un->sun_path) < 0 && errno != ENOENT) {
		error_set(e, "cannot replace the stale socket %s: %s", a->text, strerror(errno));
		return false;
	}
	return true;
}

/* Bound with the options that belong before bind(); -1 with errno. */
static int
bind_stream(const struct sockaddr *sa, socklen_t len, bool share)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool good;
	int err;

	if (fd < 0)
		return -1;
	good = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (sa->sa_family != AF_UNIX && share)
		good = good && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (sa->sa_family == AF_INET6)
		good = good && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_any6(sa));
	if (good && bind(fd, sa, len) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int
bind_address(const struct conf_address *a, bool share)
{
	const struct sockaddr *sa = (const void *)&a->addr;
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = bind_stream(sa, a->len, share);

	/* "Every address" on a host without IPv6 is every IPv4 address. */
	if (fd < 0 && errno == EAFNOSUPPORT && is_any6(sa)) {
		any.sin_port = htons(socket_port(sa));
		fd = bind_stream((const struct sockaddr *)&any, sizeof any, share);
	}
	return fd;
}

bool
socket_listen_now(int fd, uint32_t backlog)
{
	return listen(fd,
		   backlog == 0            ? SOMAXCONN
		       : backlog > INT_MAX ? INT_MAX
					   : (int)backlog) == 0;
}

bool
socket_listens(int fd)
{
	socklen_t len = sizeof(int);
	int listens = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens != 0;
}

/* Bound, and listening unless that comes later. -1 with errno. */
static int
open_at(const struct conf_address *a, uint32_t backlog, bool later)
{
	bool ip = a->addr.ss_family != AF_UNIX;
	int fd = bind_address(a, true), err;

	if (fd < 0)
		return -1;
	if ((!ip || (tune(fd, &socket_keepalive_usual) && bound_unsent(fd))) &&
	    (later || socket_listen_now(fd, backlog)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* Under a name of its own first, for at no moment the path may lead nowhere. False with errno. */
static bool
beside_path(const struct conf_address *a, struct conf_address *new)
{
	static const char suffix[] = ".new";
	struct sockaddr_un *un = (void *)&new->addr;
	size_t len;

	*new = *a;
	len = strlen(un->sun_path);
	if (len + sizeof suffix > sizeof un->sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(un->sun_path + len, suffix, sizeof suffix);
	new->len = sizeof *un;
	return true;
}

static const char *
path_of(const struct conf_address *a)
{
	return ((const struct sockaddr_un *)(const void *)&a->addr)->sun_path;
}

static int
open_beside(const struct conf_address *a, uint32_t backlog)
{
	struct conf_address new;

	if (!beside_path(a, &new))
		return -1;
	(void)unlink(path_of(&new));
	return open_at(&new, backlog, false);
}

bool
socket_arrive(const struct conf_address *a)
{
	struct conf_address new;

	return beside_path(a, &new) && rename(path_of(&new), path_of(a)) == 0;
}

void
socket_stay_away(const struct conf_address *a)
{
	struct conf_address new;

	if (beside_path(a, &new))
		(void)unlink(path_of(&new));
}

/* elsewhere: NULL, or whether it must still arrive. */
static int
open_listener(const struct conf_address *a, uint32_t backlog, bool *elsewhere, struct error *e)
{
	bool ip = a->addr.ss_family != AF_UNIX;
	bool aside = beside && !ip && path_of(a)[0] != '\0';
	int fd;

	if (!ip && !clear_stale_file(a, e))
		return -1;
	fd = aside ? open_beside(a, backlog)
		   : open_at(a, backlog, ip && beside && elsewhere != NULL);
	if (elsewhere != NULL)
		*elsewhere = aside && fd >= 0;
	else if (aside && fd >= 0 && !socket_arrive(a)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		explain(e, a);
	return fd;
}

int
socket_listen(const struct conf_address *a, uint32_t backlog, struct error *e)
{
	return open_listener(a, backlog, NULL, e);
}

int
socket_listen_later(
    const struct conf_address *a, uint32_t backlog, bool *elsewhere, struct error *e)
{
	return open_listener(a, backlog, elsewhere, e);
}

bool
socket_is_free(const struct conf_address *a, struct error *e)
{
	int fd;

	/* Two processes cannot share a unix socket's path unnoticed, nor port 0. */
	if (beside || a->addr.ss_family == AF_UNIX || socket_port((const void *)&a->addr) == 0)
		return true;
	fd = bind_address(a, false);
	if (fd < 0) {
		explain(e, a);
		return false;
	}
	close(fd);
	return true;
}

/*
 * Has this host an address to come from? What the kernel says when all ports towards sa are taken
 * is what it says when no address of ours leads there; a datagram needs the address alone.
 */
static bool
has_source(const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool has = fd < 0 || connect(fd, sa, len) == 0 || errno != EADDRNOTAVAIL;

	if (fd >= 0)
		close(fd);
	return has;
}

int
socket_connect(const struct sockaddr *sa, socklen_t len, const struct socket_keepalive *keepalive,
    bool *pending)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	*pending = false;
	if (fd < 0)
		return -1;
	if (sa->sa_family == AF_UNIX || tune(fd, keepalive)) {
		if (connect(fd, sa, len) == 0)
			return fd;
		/* A unix socket whose backlog is full says EAGAIN and will never say more. */
		if (errno == EINPROGRESS) {
			*pending = true;
			return fd;
		}
	}
	err = errno;
	close(fd);
	errno = err == EADDRNOTAVAIL && !has_source(sa, len) ? ENETUNREACH : err;
	return -1;
}

bool
socket_has_unread(int fd)
{
	int unread = 0;

	return ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

bool
socket_path(int fd, struct socket_path *path)
{
	struct tcp_info info;
	socklen_t len = sizeof info;
	int queued = 0;

	/* First, so that what is acknowledged meanwhile counts twice and not never. */
	if (ioctl(fd, SIOCOUTQ, &queued) < 0)
		return false;
	memset(&info, 0, sizeof info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || info.tcpi_rtt == 0)
		return false;
	path->rtt_us = info.tcpi_rtt;
	path->sent_ago_ms = info.tcpi_last_data_sent;
	path->heard_ago_ms = info.tcpi_last_ack_recv;
	path->acknowledged_bytes = info.tcpi_bytes_acked;
	path->unacknowledged = info.tcpi_unacked > 0;
	path->resent = info.tcpi_retransmits > 0;
	path->resends = info.tcpi_total_retrans;
	path->written_bytes = info.tcpi_bytes_acked + (unsigned)queued;
	return true;
}

/* The IPv4 address inside an IPv4-mapped IPv6 one, or NULL. */
static const void *
mapped4(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return NULL;
	return &in6->sin6_addr.s6_addr[12];
}

size_t
socket_format_ip(const struct sockaddr *sa, char *buf, size_t size)
{
	const void *four = mapped4(sa);
	const char *text = NULL;

	if (sa->sa_family == AF_INET)
		four = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	if (four != NULL)
		text = inet_ntop(AF_INET, four, buf, (socklen_t)size);
	else if (sa->sa_family == AF_INET6)
		text =
		    inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
			buf, (socklen_t)size);
	if (text == NULL)
		snprintf(buf, size, "%s", sa->sa_family == AF_UNIX ? "unix" : "unknown");
	return strlen(buf);
}

char *
socket_format(const struct sockaddr *sa, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN];
	bool brackets = sa->sa_family == AF_INET6 && mapped4(sa) == NULL;

	socket_format_ip(sa, ip, sizeof ip);
	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		snprintf(buf, size, "%s", ip);
	else
		snprintf(
		    buf, size, brackets ? "[%s]:%" PRIu16 : "%s:%" PRIu16, ip, socket_port(sa));
	return buf;
}

bool
socket_addr_equal(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_un *au = (const void *)a, *bu = (const void *)b;

	if (a->sa_family != b->sa_family)
		return false;
	switch (a->sa_family) {
	case AF_INET:
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr && a4->sin_port == b4->sin_port;
	case AF_INET6:
		return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0 &&
		    a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id;
	case AF_UNIX:
		return strncmp(au->sun_path, bu->sun_path, sizeof au->sun_path) == 0;
	default:
		return false;
	}
}

uint16_t
socket_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	return 0;
}

uint64_t
socket_raise_fd_limit(void)
{
	struct rlimit limit, higher;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		log_warn("cannot read the file-descriptor limit: %s", strerror(errno));
		return 0;
	}
	higher = (struct rlimit){ limit.rlim_max, limit.rlim_max };
	if (limit.rlim_cur == limit.rlim_max)
		return limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &higher) < 0) {
		log_warn("cannot raise the file-descriptor limit from %" PRIu64 ": %s",
		    (uint64_t)limit.rlim_cur, strerror(errno));
		return limit.rlim_cur;
	}
	return higher.rlim_cur;
}
