/* SPDX-License-Identifier: Apache-2.0 */
#include "dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 12, TYPE_A = 1, SERVFAIL = 2, MESSAGE = 512 };

struct dns {
	int fd;
	char server[64];
	pthread_t thread;
	pthread_mutex_t lock;
	bool failing;
	unsigned char last_bytes[DNS_ADDRESSES + 1];
};

/* The end of the only question, or 0 when it is no question. */
static size_t
question_end(const unsigned char *m, size_t len)
{
	size_t at = HEADER;

	while (at < len && m[at] != 0)
		at += (size_t)m[at] + 1;
	return at + 5 <= len ? at + 5 : 0;
}

static size_t
append_address(unsigned char *at, unsigned char last_byte)
{
	/* a pointer to the question's name, A, IN, TTL 1, four bytes */
	const unsigned char record[] = { 0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0,
		last_byte };

	memcpy(at, record, sizeof record);
	return sizeof record;
}

/* Turns the question in m into its answer; returns the length, 0: none. */
static size_t
make_answer(struct dns *d, unsigned char *m, size_t len)
{
	size_t at = question_end(m, len);

	if (at == 0)
		return 0;
	pthread_mutex_lock(&d->lock);
	m[2] = 0x80 | m[2]; /* an answer */
	m[3] = d->failing ? SERVFAIL : 0;
	memset(m + 6, 0, 6);
	if (!d->failing && m[at - 3] == TYPE_A) {
		for (; d->last_bytes[m[7]] != 0; m[7]++)
			at += append_address(m + at, d->last_bytes[m[7]]);
	}
	pthread_mutex_unlock(&d->lock);
	return at;
}

static void *
run(void *arg)
{
	struct dns *d = arg;

	for (;;) {
		unsigned char m[MESSAGE];
		struct sockaddr_in from;
		socklen_t from_len = sizeof from;
		ssize_t n = recvfrom(d->fd, m, MESSAGE / 2, 0, (struct sockaddr *)&from, &from_len);
		size_t len;

		if (n <= 0)
			return NULL;
		len = make_answer(d, m, (size_t)n);
		if (len > 0)
			sendto(d->fd, m, len, 0, (struct sockaddr *)&from, from_len);
	}
}

struct dns *
dns_start(void)
{
	struct dns *d = calloc(1, sizeof *d);
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(d->fd, (struct sockaddr *)&a, sizeof a) != 0)
		abort();
	getsockname(d->fd, (struct sockaddr *)&a, &len);
	snprintf(d->server, sizeof d->server, "127.0.0.1:%u", ntohs(a.sin_port));
	pthread_mutex_init(&d->lock, NULL);
	if (pthread_create(&d->thread, NULL, run, d) != 0)
		abort();
	return d;
}

void
dns_stop(struct dns *d)
{
	shutdown(d->fd, SHUT_RDWR); /* wakes recvfrom(), though it says the socket is not connected */
	pthread_join(d->thread, NULL);
	close(d->fd);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

const char *
dns_server(const struct dns *d)
{
	return d->server;
}

void
dns_answer(struct dns *d, const unsigned char *last_bytes)
{
	pthread_mutex_lock(&d->lock);
	d->failing = last_bytes == NULL;
	memset(d->last_bytes, 0, sizeof d->last_bytes);
	for (size_t i = 0; last_bytes != NULL && last_bytes[i] != 0 && i < DNS_ADDRESSES; i++)
		d->last_bytes[i] = last_bytes[i];
	pthread_mutex_unlock(&d->lock);
}
