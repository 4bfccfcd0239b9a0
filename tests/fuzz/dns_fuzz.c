/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answer of a DNS server: a name gets addresses of one family each, sorted, no
 * more than are wanted, or none; and an answer that is good is taken whatever came before it.
 *
 * The id and the question are put right, else c-ares would throw nearly everything away.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "oracle.h"

enum { MOST = 8 };

static struct loop *loop;
static int server = -1;
static char servers[32];
static const uint8_t *answer;
static size_t answer_len;

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Header and question; what stands behind them (EDNS) is the asker's. */
static size_t
question_length(const unsigned char *in, size_t len)
{
	size_t at = 12;

	while (at < len && in[at] != 0)
		at += 1 + in[at];
	must(at + 5 <= len, "a question");
	return at + 5;
}

static void
on_question(evutil_socket_t fd, short what, void *arg)
{
	unsigned char in[512], out[4096];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
	size_t question, rest = answer_len > 8 ? answer_len - 8 : 0;

	if (n <= 12)
		return;
	question = question_length(in, (size_t)n);
	memcpy(out, in, question); /* as asked, but for flags and counts */
	out[2] = 0x81 | (answer_len > 0 ? answer[0] & 2 : 0);
	out[3] = answer_len > 1 ? answer[1] & 0x8f : 0;
	memset(out + 6, 0, 6);
	for (unsigned i = 0; i < 3; i++)
		out[7 + 2 * i] = answer_len > 2 + i ? answer[2 + i] : 0;
	if (rest > sizeof out - question)
		rest = sizeof out - question;
	if (rest > 0)
		memcpy(out + question, answer + 8, rest);
	(void)!sendto(fd, out, question + rest, 0, (struct sockaddr *)&from, len);
}

static void
on_changed(void *arg, struct resolver_name *name)
{
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	loop = loop_new();
	log_set_level(LOG_LEVEL_ERROR);
	server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(bind(server, (struct sockaddr *)&a, sizeof a) == 0 &&
		getsockname(server, (struct sockaddr *)&a, &len) == 0,
	    "a server");
	snprintf(servers, sizeof servers, "127.0.0.1:%u", ntohs(a.sin_port));
	event_add(event_new(loop->base, server, EV_READ | EV_PERSIST, on_question, NULL), NULL);
	return 0;
}

static void
must_be_good(const struct resolver_name *name)
{
	const struct sockaddr_storage *list;
	const socklen_t *lens;
	unsigned count = resolver_addresses(name, &list, &lens);

	must(count <= MOST, "no more than are wanted");
	for (unsigned i = 0; i < count; i++) {
		must(list[i].ss_family == AF_INET || list[i].ss_family == AF_INET6, "a family");
		must(lens[i] ==
			(list[i].ss_family == AF_INET ? sizeof(struct sockaddr_in)
						      : sizeof(struct sockaddr_in6)),
		    "of its length");
		for (unsigned k = 0; k < i; k++)
			must(lens[i] != lens[k] || memcmp(&list[i], &list[k], lens[i]) != 0,
			    "each once");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conf_resolver conf = { .servers = servers,
		.timeout_ms = 50,
		.min_ttl_ms = 1000,
		.max_ttl_ms = 300000,
		.max_addresses = MOST };
	struct resolver *r = resolver_new(loop, &conf, on_changed, NULL);
	struct resolver_name *name;

	answer = data;
	answer_len = size;
	name = resolver_watch(r, "a.example.com");
	for (unsigned i = 0; i < 1000 && !resolver_settled(name); i++)
		event_base_loop(loop->base, EVLOOP_ONCE);
	must(resolver_settled(name), "it is known to be good or bad in the end");
	must_be_good(name);
	resolver_unwatch(r, name);
	resolver_free(r);
	return 0;
}
