// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/openssl_bio.h"
#include "net/stream_parts.h"

enum {
	TLS_RECORD = 16 * 1024,
	/*
	 * States that OpenSSL goes through after the handshake, and alerts: a KeyUpdate is two or
	 * three of them and due once in many gigabytes (RFC 8446, 5.5).
	 */
	STEPS_MAX = 200,
};

/* Each makes us derive keys and answer, for 27 bytes; and no plain byte comes of it. */
static void
on_step(const SSL *ssl, int where, int ret)
{
	struct stream *s = openssl_bio_stream(ssl);

	if ((where & (SSL_CB_LOOP | SSL_CB_ALERT)) != 0 && s->tls_steps <= STEPS_MAX)
		s->tls_steps++;
}

void
stream_tls_opened(struct stream *s)
{
	SSL_set_info_callback(s->ssl, on_step);
}

static void
flush_cipher(struct stream *s, bool more)
{
	struct loop *l = s->loop;
	size_t len = l->cipher_out_len;

	l->cipher_out_len = 0;
	if (len > 0)
		stream_put_raw(s, l->cipher_out, len, more);
}

/* OpenSSL's way out: records gather in the loop's buffer and leave in one write. */
int
stream_bio_write(struct stream *s, const char *data, int len)
{
	struct loop *l = s->loop;

	assert(s->in_call);
	if (s->write_failed)
		return -1;
	if (l->cipher_out_len + (size_t)len > LOOP_CIPHER)
		flush_cipher(s, true);
	if ((size_t)len > LOOP_CIPHER)
		return stream_put_raw(s, data, (size_t)len, false) ? len : -1;
	memcpy(l->cipher_out + l->cipher_out_len, data, (size_t)len);
	l->cipher_out_len += (size_t)len;
	return len;
}

/*
 * A handshake that broke off shows at once to who connects, for whom another endpoint may do; who
 * accepts has a deadline, and saves a call.
 */
static bool
must_ask_again(const struct stream *s)
{
	return s->phase == STREAM_HANDSHAKING && (!s->server || s->peer_closed);
}

/* OpenSSL's way in: 0 is the end of the socket, -1 with *retry "nothing now". */
int
stream_bio_read(struct stream *s, char *buf, int size, bool *retry)
{
	struct loop *l = s->loop;
	size_t n;

	assert(s->in_call);
	*retry = false;
	if (s->tls_steps > STEPS_MAX)
		return -1;
	if (s->unread != NULL)
		return (int)stream_take_unread(s, buf, (size_t)size);
	if (l->cipher_in_len == 0 && s->readable != READ_EMPTY && s->end == STREAM_WAIT &&
	    (!l->cipher_in_used || must_ask_again(s))) {
		ssize_t got = stream_recv(s, l->cipher_in, LOOP_CHUNK);

		l->cipher_in_used = true;
		l->cipher_in_at = 0;
		l->cipher_in_len = got > 0 ? (size_t)got : 0;
	}
	if (l->cipher_in_len == 0) {
		*retry = s->end == STREAM_WAIT;
		return s->end == STREAM_END ? 0 : -1;
	}
	n = (size_t)size < l->cipher_in_len ? (size_t)size : l->cipher_in_len;
	memcpy(buf, l->cipher_in + l->cipher_in_at, n);
	l->cipher_in_at += n;
	l->cipher_in_len -= n;
	return (int)n;
}

bool
stream_bio_eof(const struct stream *s)
{
	return s->end == STREAM_END;
}

/* The loop's cipher buffers are this stream's until stream_tls_leave(). */
void
stream_tls_enter(struct stream *s)
{
	struct loop *l = s->loop;

	assert(l->cipher_out_len == 0 && l->cipher_in_len == 0);
	l->cipher_in_used = false;
	s->in_call = true;
}

static void
leave_with(struct stream *s, bool more)
{
	struct loop *l = s->loop;

	s->in_call = false;
	flush_cipher(s, more);
	if (l->cipher_in_len == 0)
		return;
	stream_keep_unread(s, l->cipher_in + l->cipher_in_at, l->cipher_in_len);
	l->cipher_in_len = 0;
}

void
stream_tls_leave(struct stream *s)
{
	leave_with(s, false);
}

ssize_t
stream_tls_end(struct stream *s, int ret)
{
	int err = SSL_get_error(s->ssl, ret);

	if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
		return STREAM_WAIT;
	ERR_clear_error();
	if (err == SSL_ERROR_ZERO_RETURN) {
		s->end = STREAM_END;
	} else if (s->end == STREAM_END) {
		s->end = STREAM_CUT;
		if (s->fault == FAULT_NONE)
			s->fault = FAULT_CLOSED;
	} else {
		s->end = STREAM_ERROR;
		if (s->fault == FAULT_NONE)
			s->fault = FAULT_RESET;
	}
	return s->end;
}

ssize_t
stream_tls_read(struct stream *s, char *buf, size_t size)
{
	ssize_t end = STREAM_WAIT;
	size_t got = 0;

	stream_tls_enter(s);
	while (got < size) {
		int n = SSL_read(s->ssl, buf + got, (int)(size - got));

		if (n <= 0) {
			end = stream_tls_end(s, n);
			break;
		}
		got += (size_t)n;
	}
	stream_tls_leave(s);
	return got > 0 ? (ssize_t)got : end;
}

/* Records of at most 16 KiB each, into the loop's buffer. */
static void
seal(struct stream *s, const char *at, size_t len)
{
	while (len > 0 && !s->write_failed) {
		int n = SSL_write(s->ssl, at, (int)(len < TLS_RECORD ? len : TLS_RECORD));

		if (n <= 0) {
			ERR_clear_error();
			stream_fail_writing(s, FAULT_RESET);
			return;
		}
		at += n;
		len -= (size_t)n;
	}
}

static void
seal_goodbye(struct stream *s)
{
	if (s->write_failed || (SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN))
		return;
	if (SSL_shutdown(s->ssl) < 0)
		ERR_clear_error();
}

void
stream_tls_write(struct stream *s, const char *data, size_t len, bool last)
{
	stream_tls_enter(s);
	seal(s, data, len);
	if (last)
		seal_goodbye(s);
	leave_with(s, last);
}

void
stream_tls_goodbye(struct stream *s)
{
	if (SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN)
		return;
	stream_tls_enter(s);
	seal_goodbye(s);
	stream_tls_leave(s);
}
