/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UDP_MAX = 512, MESSAGE_MAX = 60000, HEADER = 12, TYPE_A = 1, TYPE_CNAME = 5 };

struct running {
	struct dns_server public; /* first */
	pthread_t thread;
	int udp, tcp, stop;
};

struct message {
	unsigned char at[MESSAGE_MAX];
	size_t len;
};

static void
put16(struct message *m, unsigned v)
{
	m->at[m->len++] = (unsigned char)(v >> 8);
	m->at[m->len++] = (unsigned char)v;
}

static void
put_record(
    struct message *m, unsigned name, unsigned type, uint32_t ttl_s, const void *data, unsigned len)
{
	put16(m, name);
	put16(m, type);
	put16(m, 1);
	put16(m, ttl_s >> 16);
	put16(m, ttl_s & 0xffff);
	put16(m, len);
	memcpy(m->at + m->len, data, len);
	m->len += len;
}

/* The length of header and question, or 0. */
static size_t
question_len(const unsigned char *q, size_t len)
{
	size_t at = HEADER;

	while (at < len && q[at] != 0)
		at += 1u + q[at];
	return at + 5 <= len ? at + 5 : 0;
}

static void
put_addresses(struct message *m, const struct dns_server *s, bool six)
{
	unsigned count = s->addresses[six];

	for (unsigned i = 0; i < count; i++) {
		unsigned n = s->first + i;
		unsigned char four[4] = { 10, 0, (unsigned char)(n >> 8), (unsigned char)n };
		unsigned char all[16] = { 0xfd };

		memcpy(all + 12, four, 4);
		put_record(m, 0xc000 | HEADER, six ? 28 : TYPE_A, s->ttl_s, six ? all : four,
		    six ? 16 : 4);
	}
	m->at[6] = (unsigned char)(count >> 8);
	m->at[7] = (unsigned char)count;
}

/* The answer to q. len 0: none. */
static void
answer(const struct dns_server *s, enum dns_mood mood, bool six, const unsigned char *q, size_t len,
    struct message *m)
{
	size_t qlen = question_len(q, len);

	m->len = 0;
	if (qlen == 0 || mood == DNS_SILENT)
		return;
	memcpy(m->at, q, qlen);
	m->len = qlen;
	m->at[2] = 0x84; /* an authoritative answer */
	m->at[3] = 0x80;
	memset(m->at + 6, 0, 6);
	switch (mood) {
	case DNS_NXDOMAIN:
		m->at[3] |= 3;
		break;
	case DNS_SERVFAIL:
		m->at[3] |= 2;
		break;
	case DNS_EMPTY:
	case DNS_SILENT:
		break;
	case DNS_CNAME_LOOP:
		/* The name is an alias of itself, thrice over. */
		for (int i = 0; i < 3; i++)
			put_record(m, 0xc000 | HEADER, TYPE_CNAME, 60, "\xc0\x0c", 2);
		m->at[7] = 3;
		break;
	case DNS_GOOD:
	case DNS_ZERO_BYTES:
	case DNS_GARBAGE:
	case DNS_WRONG_ID:
	case DNS_CUT:
		put_addresses(m, s, six);
		break;
	}
}

static bool
asks_six(const unsigned char *q, size_t len)
{
	size_t qlen = question_len(q, len);

	return qlen > 0 && q[qlen - 3] == 28;
}

static void
serve_udp(struct running *r)
{
	static _Thread_local struct message m;
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	unsigned char q[1500], junk[64];
	ssize_t len = recvfrom(r->udp, q, sizeof q, 0, (struct sockaddr *)&from, &from_len);
	bool six = len > 0 && asks_six(q, (size_t)len);
	enum dns_mood mood = (enum dns_mood)r->public.mood[six];

	if (len <= 0)
		return;
	r->public.asked++;
	answer(&r->public, mood, six, q, (size_t)len, &m);
	if (mood == DNS_ZERO_BYTES)
		sendto(r->udp, "", 0, 0, (struct sockaddr *)&from, from_len);
	if (mood == DNS_GARBAGE) {
		memset(junk, 0xee, sizeof junk);
		sendto(r->udp, junk, sizeof junk, 0, (struct sockaddr *)&from, from_len);
		sendto(r->udp, q, 2, 0, (struct sockaddr *)&from, from_len);
	}
	if (mood == DNS_WRONG_ID) {
		struct message forged = m;

		forged.at[0] ^= 0x55;
		forged.at[forged.len - 1] = 250;
		sendto(r->udp, forged.at, forged.len, 0, (struct sockaddr *)&from, from_len);
	}
	if (m.len > UDP_MAX || mood == DNS_CUT) {
		m.len = question_len(q, (size_t)len);
		m.at[2] |= 2; /* TC */
		memset(m.at + 6, 0, 6);
	}
	if (m.len > 0)
		sendto(r->udp, m.at, m.len, 0, (struct sockaddr *)&from, from_len);
}

static bool
read_all(int fd, unsigned char *at, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = read(fd, at + got, len - got);

		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

static void
serve_tcp(struct running *r)
{
	static _Thread_local struct message m;
	unsigned char head[2], q[1500];
	int fd = accept4(r->tcp, NULL, NULL, SOCK_CLOEXEC);
	size_t len;

	while (fd >= 0 && read_all(fd, head, 2)) {
		len = (size_t)head[0] << 8 | head[1];
		if (len > sizeof q || !read_all(fd, q, len))
			break;
		r->public.asked++;
		r->public.asked_tcp++;
		answer(&r->public, (enum dns_mood)r->public.mood[asks_six(q, len)],
		    asks_six(q, len), q, len, &m);
		head[0] = (unsigned char)(m.len >> 8);
		head[1] = (unsigned char)m.len;
		if (write(fd, head, 2) != 2 || write(fd, m.at, m.len) != (ssize_t)m.len)
			break;
	}
	if (fd >= 0)
		close(fd);
}

static void *
run(void *arg)
{
	struct running *r = arg;
	struct pollfd fds[] = { { r->udp, POLLIN, 0 }, { r->tcp, POLLIN, 0 },
		{ r->stop, POLLIN, 0 } };

	while (poll(fds, 3, -1) > 0 && fds[2].revents == 0) {
		if (fds[0].revents != 0)
			serve_udp(r);
		if (fds[1].revents != 0)
			serve_tcp(r);
	}
	return NULL;
}

struct dns_server *
dns_server_start(void)
{
	struct running *r = calloc(1, sizeof *r);
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof addr;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* The port must be free for both; a pair that collides is tried again. */
	for (int tries = 0; tries < 100; tries++) {
		addr.sin_port = 0;
		r->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		r->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(r->tcp, (struct sockaddr *)&addr, sizeof addr) == 0 &&
		    getsockname(r->tcp, (struct sockaddr *)&addr, &len) == 0 &&
		    bind(r->udp, (struct sockaddr *)&addr, sizeof addr) == 0)
			break;
		close(r->udp);
		close(r->tcp);
	}
	if (listen(r->tcp, 8) != 0)
		abort();
	r->stop = eventfd(0, EFD_CLOEXEC);
	snprintf(r->public.text, sizeof r->public.text, "127.0.0.1:%u", ntohs(addr.sin_port));
	r->public.addresses[0] = 2;
	r->public.first = 1;
	r->public.ttl_s = 60;
	r->public.mood[1] = DNS_EMPTY;
	if (pthread_create(&r->thread, NULL, run, r) != 0)
		abort();
	return &r->public;
}

void
dns_server_stop(struct dns_server *s)
{
	struct running *r = (struct running *)s;
	uint64_t one = 1;

	if (write(r->stop, &one, sizeof one) != sizeof one)
		abort();
	pthread_join(r->thread, NULL);
	close(r->udp);
	close(r->tcp);
	close(r->stop);
	free(r);
}
