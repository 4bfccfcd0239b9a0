/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin: an endpoint of the lab. GET /any?ms=N&bytes=N answers after N ms (or --delay) with N
 * bytes of the request's id; /healthz is the check's.
 *
 *   stdin    "traffic WORD [ARG [PERCENT]]", "health WORD [ARG [PERCENT]]" (see deed.def),
 *            "idle close", "idle reset": ends the connections without a request
 *   --protocol  h1 (also WebSocket), h2 (also gRPC; pieces=N&gap=MS: bit by bit), notes (TCP)
 *   stdout   "ready", and "done" for each command
 *   --log    "seen US METHOD ID -" when a head has come, "run US METHOD ID good|bad" when a request
 *            is executed (whether its body was its own), "full US METHOD ID -" when it was refused
 */
#include "origin.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

struct origin origin = {
	.log = -1,
	.traffic = { .percent = 100 },
	.health = { .percent = 100 },
	.line = TAILQ_HEAD_INITIALIZER(origin.line),
	.tongue = &tongue_h1,
};

const char *tool_name = "origin";

static const char *const words[] = {
#define DEED(id, name, text) name,
#include "deed.def"
#undef DEED
};

static struct sockaddr_in address;
static const char *chain, *key;

void
origin_log(const char *word, const char *method, const char *id, const char *rest)
{
	if (origin.log >= 0 &&
	    dprintf(origin.log, "%s %lld %s %s %s\n", word, (long long)tool_now_us(), method, id,
		rest) < 0)
		tool_die("--log", "cannot be written");
}

static void
set_behaviour(struct behaviour *b, const char *word, unsigned arg, unsigned percent)
{
	for (int i = 0; i < DEED_COUNT; i++)
		if (strcmp(words[i], word) == 0) {
			b->deed = (enum deed)i;
			b->arg = arg;
			b->percent = percent;
			return;
		}
	tool_die(word, "not a behaviour");
}

static void
obey(const char *order)
{
	char whom[16], word[16];
	unsigned arg = 0, percent = 100;

	if (sscanf(order, "%15s %15s %u %u", whom, word, &arg, &percent) < 2)
		tool_die(order, "not an order");
	if (strcmp(whom, "traffic") == 0)
		set_behaviour(&origin.traffic, word, arg, percent);
	else if (strcmp(whom, "health") == 0)
		set_behaviour(&origin.health, word, arg, percent);
	else if (strcmp(whom, "idle") == 0)
		origin.tongue->end_idle(strcmp(word, "reset") == 0);
	else
		tool_die(order, "not an order");
	printf("done\n");
	fflush(stdout);
}

static void
stop(void)
{
	event_base_loopbreak(origin.base);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	int one = 1;

	(void)l, (void)from, (void)len, (void)arg;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	origin.tongue->accept(fd);
}

struct bufferevent *
origin_stream(int fd)
{
	enum bufferevent_options how = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
	struct bufferevent *bev = origin.tls == NULL
	    ? bufferevent_socket_new(origin.base, fd, how)
	    : bufferevent_openssl_socket_new(
		  origin.base, fd, SSL_new(origin.tls), BUFFEREVENT_SSL_ACCEPTING, how);

	if (bev == NULL)
		abort();
	return bev;
}

void
origin_end(struct bufferevent *bev, bool reset)
{
	struct linger at_once = { 1, 0 };

	if (reset)
		setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	bufferevent_free(bev);
}

static void
take_tongue(const char *name)
{
	static const struct tongue *const all[] = { &tongue_h1, &tongue_h2, &tongue_notes };

	origin.tongue = NULL;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i]->name, name) == 0)
			origin.tongue = all[i];
	if (origin.tongue == NULL)
		tool_die(name, "not a protocol");
}

static void
take_options(int argc, char **argv)
{
	static const struct option options[] = { { "listen", required_argument, NULL, 'l' },
		{ "name", required_argument, NULL, 'n' }, { "log", required_argument, NULL, 'o' },
		{ "chain", required_argument, NULL, 'c' }, { "key", required_argument, NULL, 'k' },
		{ "delay", required_argument, NULL, 'd' },
		{ "protocol", required_argument, NULL, 'p' },
		{ "slots", required_argument, NULL, 's' }, { "cost", required_argument, NULL, 'u' },
		{ "queue", required_argument, NULL, 'q' },
		{ "collapse", required_argument, NULL, 'x' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			address = tool_address(optarg);
			break;
		case 'n':
			origin.name = optarg;
			break;
		case 'c':
			chain = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'p':
			take_tongue(optarg);
			break;
		case 'd':
			origin.delay_ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			origin.slots = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'u':
			origin.cost_us = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'q':
			origin.queue = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'x':
			origin.collapse = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			/* A killed origin that comes back goes on with the same log. */
			origin.log = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
			if (origin.log < 0)
				tool_die(optarg, "cannot be written");
			break;
		default:
			exit(2);
		}
	}
	if (address.sin_port == 0 || origin.name == NULL)
		tool_die("--listen and --name", "are needed");
}

/* HTTP/2 has to be agreed on. */
static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
    unsigned in_len, void *arg)
{
	static const unsigned char h2[] = "\x02h2";

	(void)ssl, (void)arg;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, len, h2, sizeof h2 - 1, in,
		in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static void
load_certificate(void)
{
	origin.tls = SSL_CTX_new(TLS_server_method());
	if (origin.tls == NULL || SSL_CTX_use_certificate_chain_file(origin.tls, chain) != 1 ||
	    key == NULL || SSL_CTX_use_PrivateKey_file(origin.tls, key, SSL_FILETYPE_PEM) != 1)
		tool_die(chain, "cannot be loaded");
	if (origin.tongue == &tongue_h2)
		SSL_CTX_set_alpn_select_cb(origin.tls, choose_alpn, NULL);
}

int
main(int argc, char **argv)
{
	struct evconnlistener *listener;

	take_options(argc, argv);
	if (chain != NULL)
		load_certificate();
	signal(SIGPIPE, SIG_IGN);
	origin.base = tool_base();
	listener = evconnlistener_new_bind(origin.base, on_accept, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 4096,
	    (struct sockaddr *)&address, sizeof address);
	if (listener == NULL)
		tool_die(origin.name, "cannot listen");
	tool_orders(origin.base, obey, stop);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(origin.base);
	return 0;
}
