/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: requests at a constant rate, each with its own scheduled moment, whatever became of those
 * before it. What took long is counted from that moment, so a stalled proxy cannot hide behind a
 * client that waits for it.
 *
 *   stdin    "rate N" changes the rate, "stop" or the end ends the sending
 *   stdout   ten times a second "MONOTONIC_US SENT OK NOT_OK", and once "end"
 *   --out    a line for each request: id kind method due_us lag_us took_us status origin verdict
 *            (lag: how late this program itself was in sending it; see load.h for the verdicts)
 */
#include "load.h"

#include <event2/event.h>
#include <getopt.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { DECK_MAX = 1000 };

const char *tool_name = "load";

/* The program: what load.h leaves to it. */
static struct {
	struct load load;
	STAILQ_HEAD(, kind) kinds;
	const struct kind *deck[DECK_MAX]; /* each kind as often as its weight */
	unsigned deck_count;
	TAILQ_HEAD(, job) pending; /* by due time */
	struct event *due, *tick;
	FILE *out;
	const char *tag;
	double rate;
	unsigned connections;
	int64_t timeout_us;
	int64_t next_due_us;
	uint64_t sent, ok, not_ok;
	bool begun, stopping;
} me = {
	.kinds = STAILQ_HEAD_INITIALIZER(me.kinds),
	.pending = TAILQ_HEAD_INITIALIZER(me.pending),
};

static void
write_line(const char *id, const char *kind, const char *method, int64_t due_us, int64_t sent_us,
    int status, const char *origin, const char *verdict)
{
	fprintf(me.out, "%s %s %s %lld %lld %lld %d %s %s\n", id, kind, method, (long long)due_us,
	    (long long)(sent_us - due_us), (long long)(tool_now_us() - due_us), status,
	    *origin != '\0' ? origin : "-", verdict);
}

void
tunnel_done(const char *id, int64_t since_us, const char *origin, const char *verdict)
{
	write_line(id, "tunnel", "TUNNEL", since_us, since_us, 0, origin, verdict);
}

static void
end_if_over(void)
{
	if (me.stopping && TAILQ_EMPTY(&me.pending))
		event_base_loopbreak(me.load.base);
}

void
job_done(struct load *l, struct job *job, int status, const char *origin, const char *verdict)
{
	(void)l;
	if (strcmp(verdict, "ok") == 0)
		me.ok++;
	else
		me.not_ok++;
	write_line(job->id, job->kind->name, job->kind->method, job->due_us, job->sent_us, status,
	    origin, verdict);
	TAILQ_REMOVE(&me.pending, job, next);
	free(job);
	end_if_over();
}

static void
fill_deck(void)
{
	const struct kind *k;

	STAILQ_FOREACH(k, &me.kinds, next)
	for (unsigned i = 0; i < k->weight; i++) {
		if (me.deck_count == DECK_MAX)
			tool_die(k->name, "the weights' sum is too large");
		me.deck[me.deck_count++] = k;
	}
	if (me.deck_count == 0)
		tool_die("--kind", "is needed");
}

/*
 * Anew for each round: one order for all of them would keep time with a proxy that lets every
 * second request in, and all of a kind would be let in, or none. By the same numbers: a run can be
 * repeated.
 */
static void
shuffle_deck(void)
{
	static uint64_t x = 88172645463325252u;

	for (unsigned i = me.deck_count - 1; i > 0; i--) {
		const struct kind *swap = me.deck[i];
		unsigned other;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		other = (unsigned)(x % (i + 1));
		me.deck[i] = me.deck[other];
		me.deck[other] = swap;
	}
}

static void
send_one(int64_t due_us)
{
	struct job *job = calloc(1, sizeof *job);

	if (job == NULL)
		abort();
	if (me.sent % me.deck_count == 0)
		shuffle_deck();
	job->kind = me.deck[me.sent % me.deck_count];
	snprintf(job->id, sizeof job->id, "%s-%llu", me.tag, (unsigned long long)me.sent);
	job->due_us = due_us;
	job->sent_us = tool_now_us();
	me.sent++;
	TAILQ_INSERT_TAIL(&me.pending, job, next);
	me.load.wire->send(&me.load, job);
}

static void
arm(int64_t wait_us)
{
	struct timeval tv = { wait_us / 1000000, wait_us % 1000000 };

	event_add(me.due, &tv);
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	int64_t now = tool_now_us();

	(void)fd, (void)what, (void)arg;
	if (me.stopping)
		return;
	while (me.next_due_us <= now) {
		send_one(me.next_due_us);
		me.next_due_us += (int64_t)(1e6 / me.rate);
	}
	arm(me.next_due_us - now);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	int64_t now = tool_now_us();
	struct job *job;

	(void)fd, (void)what, (void)arg;
	if (!me.begun && me.load.wire->opening(&me.load) == 0) {
		me.begun = true;
		me.next_due_us = now;
		on_due(-1, 0, NULL);
	}
	while ((job = TAILQ_FIRST(&me.pending)) != NULL && now - job->due_us > me.timeout_us) {
		me.load.wire->drop(&me.load, job);
		job_done(&me.load, job, 0, "", "late");
	}
	fflush(me.out);
	printf("%lld %llu %llu %llu\n", (long long)now, (unsigned long long)me.sent,
	    (unsigned long long)me.ok, (unsigned long long)me.not_ok);
	fflush(stdout);
}

static void
stop(void)
{
	me.stopping = true;
	end_if_over();
}

static void
obey(const char *order)
{
	double rate;

	if (sscanf(order, "rate %lf", &rate) == 1 && rate > 0)
		me.rate = rate;
	else if (strcmp(order, "stop") == 0)
		stop();
	else
		tool_die(order, "not an order");
}

static void
take_kind(const char *text)
{
	struct kind *k = calloc(1, sizeof *k);

	if (k == NULL ||
	    sscanf(text, "%15[^,],%7[A-Z],%127[^,],%u,%u,%u", k->name, k->method, k->target,
		&k->weight, &k->body_bytes, &k->answer_bytes) != 6)
		tool_die(text, "not NAME,METHOD,TARGET,WEIGHT,BODY_BYTES,ANSWER_BYTES");
	STAILQ_INSERT_TAIL(&me.kinds, k, next);
}

static void
take_wire(const char *name)
{
	static const struct wire *const all[] = { &wire_h1, &wire_h2, &wire_grpc, &wire_websocket,
		&wire_streams, &wire_tcp };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i]->name, name) == 0)
			me.load.wire = all[i];
	if (strcmp(me.load.wire->name, name) != 0)
		tool_die(name, "not a protocol");
}

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(me.load.session);
	me.load.session = session;
	return 1; /* its reference is ours now */
}

/*
 * As real clients do, connections resume: while a proxy makes hundreds of requests wait, as many
 * new connections are opened, and a load that was busy with full handshakes would be late itself.
 */
static void
take_authority(const char *file)
{
	me.load.tls = SSL_CTX_new(TLS_client_method());
	if (me.load.tls == NULL || SSL_CTX_load_verify_locations(me.load.tls, file, NULL) != 1)
		tool_die(file, ERR_error_string(ERR_get_error(), NULL));
	SSL_CTX_set_verify(me.load.tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(
	    me.load.tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(me.load.tls, keep_session);
}

static void
take_options(int argc, char **argv)
{
	static const struct option options[] = { { "connect", required_argument, NULL, 'c' },
		{ "host", required_argument, NULL, 'h' }, { "ca", required_argument, NULL, 'a' },
		{ "protocol", required_argument, NULL, 'p' },
		{ "rate", required_argument, NULL, 'r' }, { "kind", required_argument, NULL, 'k' },
		{ "connections", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "tag", required_argument, NULL, 'g' }, { "out", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			me.load.to = tool_address(optarg);
			break;
		case 'h':
			me.load.host = optarg;
			break;
		case 'a':
			take_authority(optarg);
			break;
		case 'p':
			take_wire(optarg);
			break;
		case 'r':
			me.rate = strtod(optarg, NULL);
			break;
		case 'k':
			take_kind(optarg);
			break;
		case 'n':
			me.connections = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			me.timeout_us = (int64_t)(strtod(optarg, NULL) * 1e6);
			break;
		case 'g':
			me.tag = optarg;
			break;
		case 'o':
			if ((me.out = fopen(optarg, "w")) == NULL)
				tool_die(optarg, "cannot be written");
			break;
		default:
			exit(2);
		}
	}
	if (me.out == NULL || me.load.to.sin_port == 0 || me.rate <= 0)
		tool_die("--out, --connect and --rate", "are needed");
}

int
main(int argc, char **argv)
{
	const struct timeval tick = { 0, 100000 };

	me.load.wire = &wire_h1;
	me.load.host = "shop.example.com";
	me.tag = "r";
	me.connections = 20;
	me.timeout_us = 10000000;
	take_options(argc, argv);
	fill_deck();
	signal(SIGPIPE, SIG_IGN);
	if (me.load.tls != NULL && me.load.wire->alpn != NULL &&
	    SSL_CTX_set_alpn_protos(me.load.tls, (const unsigned char *)me.load.wire->alpn,
		(unsigned)strlen(me.load.wire->alpn)) != 0)
		tool_die("ALPN", "no memory");
	me.load.base = tool_base();
	me.due = event_new(me.load.base, -1, 0, on_due, NULL);
	me.tick = event_new(me.load.base, -1, EV_PERSIST, on_tick, NULL);
	if (me.due == NULL || me.tick == NULL)
		abort();
	tool_orders(me.load.base, obey, stop);
	event_add(me.tick, &tick);
	me.load.wire->open(&me.load, me.connections);
	event_base_dispatch(me.load.base);
	if (me.load.wire->close != NULL)
		me.load.wire->close(&me.load);
	fclose(me.out);
	printf("end\n");
	fprintf(stderr, "load: %llu idle connections closed on us, %llu with stray bytes\n",
	    (unsigned long long)me.load.closed_idle, (unsigned long long)me.load.stray);
	return 0;
}
