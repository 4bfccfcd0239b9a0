// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/slab.h"
#include "net/openssl_bio.h"
#include "net/socket.h"
#include "net/stream_parts.h"
#include "net/tls_client.h"

static void on_event(evutil_socket_t, short what, void *arg);

void
stream_fail_writing(struct stream *s, enum fault why)
{
	if (s->write_failed)
		return;
	s->write_failed = true;
	if (s->fault == FAULT_NONE)
		s->fault = (uint8_t)why;
	/* The owner hears of it from the loop, not from inside its own call. */
	event_active(&s->event, EV_WRITE, 0);
}

/*
 * Sends what the socket takes; returns how much, or -1 when the stream has failed. more: the kernel
 * may hold the last segment back, because bytes or a FIN follow at once.
 */
static ssize_t
send_some(struct stream *s, const char *data, size_t len, bool more)
{
	ssize_t n;

	do {
		n = send(s->fd, data, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		return 0;
	stream_fail_writing(s, fault_from_io_errno(errno));
	return -1;
}

static void
watch(struct stream *s, bool writable)
{
	short what = EV_READ | EV_CLOSED | EV_ET | EV_PERSIST;

	event_assign(
	    &s->event, s->loop->base, s->fd, writable ? what | EV_WRITE : what, on_event, s);
	event_add(&s->event, NULL);
	s->writes_watched = writable;
}

/* Most accepted sockets take all they are ever given: who never waits to write is not woken. */
static void
watch_writes(struct stream *s)
{
	if (s->writes_watched)
		return;
	event_del(&s->event);
	watch(s, true);
}

void
stream_is_full(struct stream *s)
{
	s->full = true;
	watch_writes(s);
}

bool
stream_put_raw(struct stream *s, const char *data, size_t len, bool more)
{
	ssize_t n = 0;

	if (s->write_failed)
		return false;
	if (s->waiting.block == NULL) {
		n = send_some(s, data, len, more);
		if (n < 0)
			return false;
	}
	if ((size_t)n == len)
		return true;
	if (backlog_add(&s->waiting, s->loop->large, data + n, len - (size_t)n)) {
		watch_writes(s);
		return true;
	}
	stream_fail_writing(s, FAULT_CLIENT_STALLED);
	return false;
}

ssize_t
stream_recv(struct stream *s, void *buf, size_t size)
{
	ssize_t n;

	do {
		n = recv(s->fd, buf, size, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		if ((size_t)n < size && !s->peer_closed)
			s->readable = READ_DOUBTFUL;
		return n;
	}
	return stream_read_ended(s, n);
}

ssize_t
stream_read_ended(struct stream *s, ssize_t n)
{
	if (n == 0) {
		s->end = STREAM_END;
		s->peer_closed = true;
		return STREAM_END;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->readable = READ_EMPTY;
		return STREAM_WAIT;
	}
	s->end = STREAM_ERROR;
	if (s->fault == FAULT_NONE)
		s->fault = (uint8_t)fault_from_io_errno(errno);
	return STREAM_ERROR;
}

size_t
stream_take_unread(struct stream *s, char *buf, size_t size)
{
	size_t n = size < s->unread_len ? size : s->unread_len;

	memcpy(buf, s->unread + s->unread_at, n);
	s->unread_at += (uint32_t)n;
	s->unread_len -= (uint32_t)n;
	if (s->unread_len == 0) {
		slab_give(s->loop->large, s->unread);
		s->unread = NULL;
	}
	return n;
}

void
stream_keep_unread(struct stream *s, const char *data, size_t len)
{
	assert(s->unread == NULL && len <= slab_block_size(s->loop->large));
	s->unread = slab_take(s->loop->large);
	memcpy(s->unread, data, len);
	s->unread_at = 0;
	s->unread_len = (uint32_t)len;
}

void
stream_unread(struct stream *s, const void *data, size_t len)
{
	if (len == 0)
		return;
	stream_keep_unread(s, data, len);
	s->bytes_in -= len;
}

static ssize_t
read_clear(struct stream *s, void *buf, size_t size)
{
	if (s->unread != NULL)
		return (ssize_t)stream_take_unread(s, buf, size);
	if (s->end != STREAM_WAIT)
		return s->end;
	if (s->readable == READ_EMPTY)
		return STREAM_WAIT;
	return stream_recv(s, buf, size);
}

ssize_t
stream_read(struct stream *s, void *buf, size_t size)
{
	ssize_t n;

	assert(s->phase == STREAM_OPEN && size > 0);
	if (s->ssl == NULL) {
		n = read_clear(s, buf, size);
	} else {
		/* What was read before the end is still OpenSSL's to hand out. */
		if (s->end != STREAM_WAIT && s->unread == NULL && SSL_pending(s->ssl) == 0 &&
		    s->end != STREAM_END)
			return s->end;
		do /* what came may be less than a record */
			n = stream_tls_read(s, buf, size);
		while (n == STREAM_WAIT && s->readable != READ_EMPTY);
	}
	if (n > 0)
		s->bytes_in += (uint64_t)n;
	return n;
}

bool
stream_may_read(const struct stream *s)
{
	if (s->phase != STREAM_OPEN)
		return false;
	return s->readable == READ_MORE || s->unread != NULL || s->end != STREAM_WAIT ||
	    (s->ssl != NULL && SSL_pending(s->ssl) > 0);
}

bool
stream_may_have_ended(const struct stream *s)
{
	return s->readable == READ_DOUBTFUL;
}

static bool
write_all(struct stream *s, const char *data, size_t len, bool last)
{
	if (s->write_failed || s->phase != STREAM_OPEN)
		return false;
	s->bytes_out += len;
	if (s->ssl == NULL) {
		stream_put_raw(s, data, len, last);
		return stream_is_drained(s);
	}
	stream_tls_write(s, data, len, last);
	return stream_is_drained(s);
}

bool
stream_write(struct stream *s, const void *data, size_t len)
{
	return write_all(s, data, len, false);
}

bool
stream_write_last(struct stream *s, const void *data, size_t len)
{
	return write_all(s, data, len, true);
}

bool
stream_is_drained(const struct stream *s)
{
	return s->waiting.block == NULL && !s->write_failed && !s->full;
}

size_t
stream_waiting(const struct stream *s)
{
	return s->waiting.len;
}

static void
send_fin_when_drained(struct stream *s)
{
	if (!s->shut_wanted || s->shut || s->waiting.block != NULL || s->write_failed)
		return;
	s->shut = true;
	shutdown(s->fd, SHUT_WR);
}

void
stream_shutdown(struct stream *s)
{
	if (s->phase != STREAM_OPEN || s->shut_wanted)
		return;
	if (s->ssl != NULL)
		stream_tls_goodbye(s);
	s->shut_wanted = true;
	send_fin_when_drained(s);
}

/* By what was already read and heard of. */
static bool
looks_quiet(const struct stream *s)
{
	return s->phase == STREAM_OPEN && !s->write_failed && !s->peer_closed &&
	    s->unread == NULL && s->end == STREAM_WAIT;
}

bool
stream_is_quiet(const struct stream *s)
{
	char byte;
	ssize_t n;

	if (!looks_quiet(s))
		return false;
	n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void
stream_look(const struct stream *const streams[], size_t count, bool quiet[])
{
	struct pollfd sockets[STREAM_LOOK_MAX];
	bool told;

	assert(count <= STREAM_LOOK_MAX);
	for (size_t i = 0; i < count; i++)
		sockets[i] = (struct pollfd){ streams[i]->fd, POLLIN | POLLRDHUP, 0 };
	told = poll(sockets, count, 0) >= 0;
	for (size_t i = 0; i < count; i++)
		quiet[i] = told && sockets[i].revents == 0 && looks_quiet(streams[i]);
}

static void
begin(
    struct stream *s, struct loop *loop, int fd, SSL *ssl, bool writable, stream_fn *fn, void *arg)
{
	memset(s, 0, sizeof *s);
	s->loop = loop;
	s->fd = fd;
	s->ssl = ssl;
	s->fn = fn;
	s->arg = arg;
	s->end = STREAM_WAIT;
	if (ssl != NULL)
		openssl_bio_attach(ssl, s);
	watch(s, writable);
}

void
stream_accept(struct stream *s, struct loop *loop, int fd, SSL *ssl, stream_fn *fn, void *arg)
{
	begin(s, loop, fd, ssl, false, fn, arg);
	s->server = true;
	s->phase = ssl != NULL ? STREAM_HANDSHAKING : STREAM_OPEN;
	if (ssl != NULL)
		SSL_set_accept_state(ssl);
}

void
stream_accept_tls(struct stream *s, SSL *ssl)
{
	assert(s->phase == STREAM_OPEN && s->ssl == NULL && s->waiting.block == NULL);
	s->ssl = ssl;
	s->server = true;
	s->bytes_in = s->bytes_out = 0; /* plain ones only are counted */
	openssl_bio_attach(ssl, s);
	SSL_set_accept_state(ssl);
	s->phase = STREAM_HANDSHAKING;
	/* Nothing new need come for what is unread: the handshake goes on from the loop. */
	event_active(&s->event, EV_TIMEOUT, 0);
}

bool
stream_connect(struct stream *s, struct loop *loop, const struct sockaddr *addr, socklen_t len,
    const struct socket_keepalive *keepalive, SSL *ssl, stream_fn *fn, void *arg)
{
	bool pending;
	int fd = socket_connect(addr, len, keepalive, &pending);

	if (fd < 0) {
		memset(s, 0, sizeof *s);
		s->loop = loop;
		s->fd = -1;
		s->fault = (uint8_t)fault_from_connect_errno(errno);
		SSL_free(ssl);
		return false;
	}
	begin(s, loop, fd, ssl, true, fn, arg);
	s->phase = STREAM_CONNECTING; /* even when done: the first writable edge tells the owner */
	if (ssl != NULL)
		SSL_set_connect_state(ssl);
	return true;
}

void
stream_close(struct stream *s)
{
	if (s->phase == STREAM_CLOSED)
		return;
	event_del(&s->event);
	backlog_drop(&s->waiting);
	if (s->unread != NULL)
		slab_give(s->loop->large, s->unread);
	s->unread = NULL;
	/*
	 * OpenSSL takes a session whose connection was dropped without close_notify for broken and
	 * never resumes it. How a connection ended says nothing about its keys (RFC 5246, 7.2.1); a
	 * fatal alert has spoilt the session before this.
	 */
	if (s->ssl != NULL)
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	s->ssl = NULL;
	close(s->fd);
	s->fd = -1;
	s->phase = STREAM_CLOSED;
}

static unsigned
fail_opening(struct stream *s, enum fault why)
{
	s->write_failed = true;
	s->fault = (uint8_t)why;
	return STREAM_FAILED;
}

const char *
stream_handshake_why(const struct stream *s)
{
	long verdict = SSL_get_verify_result(s->ssl);

	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	if (s->loop->handshake_why != NULL)
		return s->loop->handshake_why;
	if (SSL_get_state(s->ssl) == TLS_ST_BEFORE)
		return NULL;
	return s->peer_closed ? "the client closed the connection" : "the connection broke";
}

static unsigned
shake_hands(struct stream *s)
{
	int ret;

	stream_tls_enter(s);
	ret = SSL_do_handshake(s->ssl);
	if (ret == 1) {
		/*
		 * A server's session ticket leaves now and not with the first answer: it carries
		 * the acknowledgement that a client with Nagle's algorithm waits for to send its
		 * request.
		 */
		stream_tls_leave(s);
		stream_tls_opened(s);
		s->phase = STREAM_OPEN;
		return STREAM_OPENED | (stream_may_read(s) ? STREAM_READABLE : 0);
	}
	s->loop->handshake_why = ERR_reason_error_string(ERR_peek_last_error());
	if (stream_tls_end(s, ret) == STREAM_WAIT) {
		stream_tls_leave(s);
		return s->write_failed ? STREAM_FAILED : 0;
	}
	stream_tls_leave(s); /* an alert may be on its way */
	if (s->server)
		return fail_opening(s, FAULT_TLS_FAILED);
	/* A reset or a silent close is the network's doing, anything else the handshake's. */
	if (s->peer_closed || s->end == STREAM_CUT)
		return fail_opening(s, FAULT_CONNECT_RESET);
	return fail_opening(s, tls_client_fault(s->ssl));
}

void
stream_begin_with(struct stream *s, const void *data, size_t len)
{
	bool kept = backlog_add(&s->waiting, s->loop->large, data, len);

	assert(kept && s->phase == STREAM_CONNECTING);
}

/* What the stream was told to begin with; a handshake follows at once. False: it has failed. */
static bool
send_beginning(struct stream *s)
{
	ssize_t n = send_some(s, s->waiting.block + s->waiting.at, s->waiting.len, s->ssl != NULL);

	if (n >= 0)
		backlog_take(&s->waiting, (size_t)n);
	return n >= 0;
}

static unsigned
finish_connect(struct stream *s)
{
	int err = 0;
	socklen_t len = sizeof err;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err != 0)
		return fail_opening(s, fault_from_connect_errno(err));
	if (s->waiting.block != NULL && !send_beginning(s))
		return fail_opening(s, FAULT_CONNECT_RESET);
	if (s->ssl == NULL) {
		s->phase = STREAM_OPEN;
		return STREAM_OPENED | (stream_may_read(s) ? STREAM_READABLE : 0);
	}
	s->phase = STREAM_HANDSHAKING;
	return shake_hands(s);
}

static unsigned
flush_waiting(struct stream *s)
{
	ssize_t n = send_some(s, s->waiting.block + s->waiting.at, s->waiting.len, s->shut_wanted);

	if (n < 0)
		return STREAM_FAILED;
	backlog_take(&s->waiting, (size_t)n);
	if (s->waiting.block != NULL)
		return 0;
	send_fin_when_drained(s);
	return STREAM_DRAINED;
}

/* What has come of the socket's news, for the stream's owner: STREAM_* bits. */
static unsigned
take_news(struct stream *s, short what)
{
	unsigned events = 0;

	if (what & EV_CLOSED)
		s->peer_closed = true;
	if (what & (EV_READ | EV_CLOSED))
		s->readable = READ_MORE;
	switch ((enum stream_phase)s->phase) {
	case STREAM_CLOSED:
		break;
	case STREAM_CONNECTING:
		return finish_connect(s);
	case STREAM_HANDSHAKING:
		/* A long chain of certificates may not have fitted the socket. */
		if (s->waiting.block != NULL && (what & EV_WRITE))
			events = flush_waiting(s) & STREAM_FAILED;
		if (events == 0)
			events = shake_hands(s);
		break;
	case STREAM_OPEN:
		if (s->write_failed)
			events |= STREAM_FAILED;
		else if (s->waiting.block != NULL && (what & EV_WRITE))
			events |= flush_waiting(s);
		else if (s->full && (what & EV_WRITE)) {
			s->full = false;
			events |= STREAM_DRAINED;
		}
		if (stream_may_read(s))
			events |= STREAM_READABLE;
		break;
	}
	return events;
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	unsigned events;

	loop_enter(s->loop);
	events = take_news(s, what);
	if (events != 0)
		s->fn(s, events, s->arg);
	loop_leave();
}

/* As libevent translates what epoll says. */
unsigned
stream_news(struct stream *s)
{
	struct pollfd news = { s->fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	short what = 0;

	if (s->phase == STREAM_CLOSED || poll(&news, 1, 0) <= 0)
		return 0;
	if (news.revents & (POLLIN | POLLERR | POLLHUP))
		what |= EV_READ;
	if (news.revents & (POLLOUT | POLLERR | POLLHUP))
		what |= EV_WRITE;
	if (news.revents & POLLRDHUP)
		what |= EV_CLOSED;
	return what != 0 ? take_news(s, what) : 0;
}
