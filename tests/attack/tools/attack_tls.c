/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack-tls MODE ADDRESS:PORT NAME SECONDS: what a client may say after a TLS handshake that makes
 * a server work, over and over on one connection, and on the next one when that is ended.
 *
 *   keyupdate     KeyUpdate messages that ask for one in return (RFC 8446, 4.6.3); TLS 1.3
 *   renegotiate   handshakes inside the connection (RFC 5746); TLS 1.2
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

#include "tool.h"

enum { BETWEEN_READS = 64 };

const char *tool_name = "attack-tls";

static unsigned long connections, messages, cut;

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

static void
once(SSL_CTX *ctx, const struct sockaddr_in *to, const char *name, int updates, int64_t end_us)
{
	int fd = dial(to);
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
		abort();
	connections++;
	if (SSL_connect(ssl) == 1) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (updates)
			update_keys(ssl, end_us);
		else
			renegotiate(ssl, end_us);
	}
	SSL_free(ssl);
	close(fd);
}

int
main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct sockaddr_in to;
	struct timespec cpu;
	int64_t end_us;
	int updates;

	if (argc != 5 || ctx == NULL)
		tool_die("usage", "MODE ADDRESS:PORT NAME SECONDS");
	updates = strcmp(argv[1], "keyupdate") == 0;
	if (!updates && strcmp(argv[1], "renegotiate") != 0)
		tool_die(argv[1], "not a mode");
	signal(SIGPIPE, SIG_IGN);
	to = tool_address(argv[2]);
	end_us = tool_now_us() + (int64_t)(strtod(argv[4], NULL) * 1e6);
	if (updates)
		SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	else
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	while (tool_now_us() < end_us)
		once(ctx, &to, argv[3], updates, end_us);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%lu %lu %lu %ld.%06ld\n", connections, messages, cut, (long)cpu.tv_sec,
	    cpu.tv_nsec / 1000);
	return 0;
}
