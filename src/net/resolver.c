/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolver.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/dns_channel.h"
#include "net/resolver_set.h"

enum {
	BUCKETS = 1024,
	ROUNDS_AT_ONCE = 64, /* more at once would overflow the socket and time out for nothing */
	HURRY_MS = 1000,
	SILENT_ROUNDS = 3, /* without a word from any server: the channel itself is doubted */
};

enum family { FAMILY_4, FAMILY_6, FAMILIES };

static const int af_of[FAMILIES] = { AF_INET, AF_INET6 };

/* What asking for one family came to in this round. */
enum outcome {
	OUTCOME_PENDING,
	OUTCOME_GOOD,
	OUTCOME_NONE, /* the server says that there is none */
	OUTCOME_FAILED,
	OUTCOME_SILENT,    /* nobody answered */
	OUTCOME_CANCELLED, /* the channel was replaced */
};

struct query {
	struct resolver_name *name;
	enum family family;
};

/*
 * Both families are asked for each in its own query: so we know which of them failed, and keep
 * that one's last good addresses while the other's are replaced.
 */
struct resolver_name {
	struct list in_bucket; /* or among the orphans */
	struct list in_queue;  /* waits for its round */
	struct resolver *resolver;
	char *text;
	unsigned watchers;  /* 0: freed when no query is under way any more */
	struct event timer; /* the next round */
	uint64_t asked_ms;
	unsigned pending;
	struct query queries[FAMILIES];
	enum outcome outcomes[FAMILIES];
	uint32_t ttl_s[FAMILIES];
	struct resolver_set sets[FAMILIES]; /* last good, by family */
	struct resolver_set all;            /* what the owner sees */
	bool settled;
	uint64_t good_ms;  /* of the last good round, or since when it is watched */
	uint64_t failures; /* rounds, all */
	unsigned failures_in_row;
	char reason[128];  /* of this round's failure so far, or "" */
	char failure[128]; /* "": the last round was good */
};

struct resolver {
	struct loop *loop;
	struct dns_channel *channel; /* owned; NULL: could not be opened, tried again */
	char *servers;               /* or NULL: the system's */
	uint32_t timeout_ms, min_ttl_ms, max_ttl_ms, max_addresses;
	resolver_changed_fn *changed;
	void *arg;
	struct event renewal;   /* replaces the channel, outside its own callbacks */
	struct list queue;      /* names that wait for a round */
	struct list orphans;    /* names nobody watches, whose answers are still to come */
	unsigned rounds;        /* under way */
	unsigned silent_rounds; /* in a row */
	bool closing;
	struct list buckets[BUCKETS];
};

static void pump(struct resolver *);

static void
on_turned(void *arg)
{
	pump(arg);
}

static struct dns_channel *
channel_open(struct resolver *r)
{
	return dns_channel_open(r->loop, r->servers, r->timeout_ms, on_turned, r);
}

static void
arm(struct event *event, uint64_t after_ms)
{
	struct timeval tv = { (time_t)(after_ms / 1000), (suseconds_t)(after_ms % 1000) * 1000 };

	event_add(event, &tv);
}

/*
 * A channel whose sockets have gone bad stays silent for good (envoy#4543). Its queries end as
 * cancelled and are asked again on the new one, which also reads resolv.conf afresh.
 */
static void
renew_channel(struct resolver *r)
{
	struct dns_channel *fresh = channel_open(r);
	struct dns_channel *old = r->channel;

	if (fresh == NULL)
		return; /* out of descriptors or memory: the old one is better than none */
	r->channel = fresh;
	dns_channel_close(old);
	pump(r);
}

static void
on_renewal(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;

	if (r->silent_rounds >= SILENT_ROUNDS)
		log_warn(
		    "DNS: no server has answered for %u rounds; starting over with new sockets",
		    r->silent_rounds);
	r->silent_rounds = 0;
	renew_channel(r);
}

static void
name_free(struct resolver_name *n)
{
	event_del(&n->timer);
	list_unlink(&n->in_queue);
	list_unlink(&n->in_bucket);
	for (int f = 0; f < FAMILIES; f++)
		resolver_set_clear(&n->sets[f]);
	resolver_set_clear(&n->all);
	mem_free(n->text);
	mem_free(n);
}

static void
publish(struct resolver_name *n)
{
	struct resolver *r = n->resolver;
	struct resolver_set all = { 0 };

	for (int f = 0; f < FAMILIES; f++)
		resolver_set_join(&all, &n->sets[f]);
	resolver_set_finish(&all, r->max_addresses);
	n->settled = true;
	if (resolver_set_equal(&all, &n->all)) {
		resolver_set_clear(&all);
		return;
	}
	resolver_set_clear(&n->all);
	n->all = all;
	r->changed(r->arg, n);
}

static uint64_t
clamp(uint64_t ms, const struct resolver *r)
{
	if (ms < r->min_ttl_ms)
		return r->min_ttl_ms;
	return ms > r->max_ttl_ms ? r->max_ttl_ms : ms;
}

static unsigned
bucket_of(const char *text)
{
	unsigned h = 2166136261u;

	for (; *text != '\0'; text++)
		h = (h ^ ((unsigned char)*text | 0x20u)) * 16777619u;
	return h;
}

/* Names that were first asked together would be asked together for ever: come up to 1/8 early. */
static uint64_t
spread(uint64_t ms, const struct resolver_name *n)
{
	return ms - ms * (bucket_of(n->text) % 128) / 1024;
}

static uint64_t
backoff_ms(const struct resolver_name *n)
{
	unsigned doublings = n->failures_in_row > 1 ? n->failures_in_row - 1 : 0;
	uint64_t ms = n->resolver->min_ttl_ms;

	return clamp(ms << (doublings > 20 ? 20 : doublings), n->resolver);
}

static bool
has(const struct resolver_name *n, enum outcome outcome)
{
	return n->outcomes[FAMILY_4] == outcome || n->outcomes[FAMILY_6] == outcome;
}

static void
round_good(struct resolver_name *n)
{
	uint32_t ttl_s = UINT32_MAX;

	for (int f = 0; f < FAMILIES; f++) {
		if (n->outcomes[f] == OUTCOME_GOOD && n->ttl_s[f] < ttl_s)
			ttl_s = n->ttl_s[f];
		/* The name is there without such an address: the other half is good, so we
		 * believe it. */
		if (n->outcomes[f] == OUTCOME_NONE)
			resolver_set_clear(&n->sets[f]);
	}
	if (n->failures_in_row > 0)
		log_info("DNS: %s resolves", n->text);
	n->failures_in_row = 0;
	n->failure[0] = '\0';
	n->good_ms = clock_now_ms();
	arm(&n->timer, spread(clamp((uint64_t)ttl_s * 1000, n->resolver), n));
}

static void
round_bad(struct resolver_name *n)
{
	memcpy(n->failure, n->reason, sizeof n->failure);
	n->failures++;
	if (n->failures_in_row++ == 0)
		log_warn("DNS: %s: %s; %s", n->text, n->failure,
		    n->all.count > 0 ? "its last good addresses stay in use"
				     : "it has no address yet");
	arm(&n->timer, spread(backoff_ms(n), n));
}

/* RFC 6761, 6.3: never asked for. (c-ares knows that too, but leaks memory each time.) */
static bool
is_localhost(const char *text)
{
	static const char suffix[] = ".localhost";
	size_t len = strlen(text), tail = sizeof suffix - 1;

	return strcasecmp(text, suffix + 1) == 0 ||
	    (len > tail && strcasecmp(text + len - tail, suffix) == 0);
}

/* Silence is counted only when a whole round heard nothing; any word proves the channel alive. */
static void
judge_channel(struct resolver *r, const struct resolver_name *n)
{
	if (is_localhost(n->text))
		return;
	if (has(n, OUTCOME_GOOD) || has(n, OUTCOME_NONE) || has(n, OUTCOME_FAILED))
		r->silent_rounds = 0;
	else if (has(n, OUTCOME_SILENT) && ++r->silent_rounds == SILENT_ROUNDS)
		arm(&r->renewal, 0);
}

static void
end_round(struct resolver_name *n)
{
	struct resolver *r = n->resolver;

	r->rounds--;
	if (n->watchers == 0) {
		name_free(n);
		return;
	}
	judge_channel(r, n);
	if (has(n, OUTCOME_GOOD)) {
		round_good(n);
	} else if (has(n, OUTCOME_CANCELLED)) {
		arm(&n->timer, 0);
		return;
	} else {
		round_bad(n);
	}
	publish(n); /* last: the owner may unwatch the name */
}

static enum outcome
outcome_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return OUTCOME_GOOD;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return OUTCOME_NONE;
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return OUTCOME_SILENT;
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		return OUTCOME_CANCELLED;
	default:
		return OUTCOME_FAILED;
	}
}

static void
note_failure(struct resolver_name *n, int status)
{
	const char *why = ares_strerror(status);

	if (status == ARES_ENOTFOUND)
		why = "the name does not exist (NXDOMAIN)";
	else if (status == ARES_ENODATA || status == ARES_SUCCESS)
		why = "the name has no address";
	/* Of two failures the one that is not just "no such record" tells more. */
	if (n->reason[0] == '\0' || outcome_of(status) != OUTCOME_NONE)
		snprintf(n->reason, sizeof n->reason, "%s", why);
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *answer)
{
	struct query *q = arg;
	struct resolver_name *n = q->name;
	enum outcome outcome = outcome_of(status);
	struct resolver_set set = { 0 };

	if (outcome == OUTCOME_GOOD) {
		n->ttl_s[q->family] = resolver_set_read(&set, answer, af_of[q->family]);
		resolver_set_finish(&set, n->resolver->max_addresses);
		if (set.count == 0)
			outcome = OUTCOME_NONE;
	}
	ares_freeaddrinfo(answer);
	n->outcomes[q->family] = outcome;
	n->pending--;
	if (n->resolver->closing) {
		resolver_set_clear(&set);
		return;
	}
	if (outcome == OUTCOME_GOOD) {
		resolver_set_clear(&n->sets[q->family]);
		n->sets[q->family] = set;
		/* The first address there is serves at once; the other family may take its time. */
		if (n->pending > 0 && n->watchers > 0 && n->all.count == 0)
			publish(n);
	} else {
		note_failure(n, status);
	}
	if (n->pending == 0)
		end_round(n);
}

static void
answer_localhost(struct resolver_name *n)
{
	const struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	for (int f = 0; f < FAMILIES; f++) {
		resolver_set_clear(&n->sets[f]);
		resolver_set_add(&n->sets[f],
		    f == FAMILY_4 ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6);
		n->outcomes[f] = OUTCOME_GOOD;
		n->ttl_s[f] = INT32_MAX;
	}
	end_round(n);
}

/* A round that cannot even be asked. */
static void
answer_nobody(struct resolver_name *n)
{
	n->outcomes[FAMILY_4] = n->outcomes[FAMILY_6] = OUTCOME_FAILED;
	snprintf(n->reason, sizeof n->reason, "name resolution cannot be set up");
	end_round(n);
}

static void
start_round(struct resolver_name *n)
{
	struct resolver *r = n->resolver;

	r->rounds++;
	n->asked_ms = clock_now_ms();
	n->reason[0] = '\0';
	if (is_localhost(n->text)) {
		answer_localhost(n);
		return;
	}
	if (r->channel == NULL)
		r->channel = channel_open(r);
	if (r->channel == NULL) {
		answer_nobody(n);
		return;
	}
	n->pending = FAMILIES;
	for (int f = 0; f < FAMILIES; f++) {
		n->outcomes[f] = OUTCOME_PENDING;
		n->queries[f] = (struct query){ n, (enum family)f };
	}
	/* Either may answer before it returns (hosts file, bad name); the second ends the round. */
	for (int f = 0; f < FAMILIES; f++)
		dns_channel_ask(r->channel, n->text, af_of[f], on_answer, &n->queries[f]);
}

static void
pump(struct resolver *r)
{
	while (r->rounds < ROUNDS_AT_ONCE && !list_empty(&r->queue)) {
		struct resolver_name *n =
		    container_of(r->queue.next, struct resolver_name, in_queue);

		list_unlink(&n->in_queue);
		start_round(n);
	}
}

static void
on_name_timer(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_name *n = arg;

	if (n->pending > 0 || list_linked(&n->in_queue))
		return;
	list_append(&n->resolver->queue, &n->in_queue);
	pump(n->resolver);
}

static void
copy_conf(struct resolver *r, const struct conf_resolver *conf)
{
	mem_free(r->servers);
	r->servers = conf->servers != NULL ? mem_strdup(conf->servers) : NULL;
	r->timeout_ms = conf->timeout_ms;
	r->min_ttl_ms = conf->min_ttl_ms > 0 ? conf->min_ttl_ms : 1;
	r->max_ttl_ms = conf->max_ttl_ms > r->min_ttl_ms ? conf->max_ttl_ms : r->min_ttl_ms;
	r->max_addresses = conf->max_addresses;
}

struct resolver *
resolver_new(
    struct loop *loop, const struct conf_resolver *conf, resolver_changed_fn *changed, void *arg)
{
	struct resolver *r = mem_new(sizeof *r);

	r->loop = loop;
	r->changed = changed;
	r->arg = arg;
	copy_conf(r, conf);
	list_init(&r->queue);
	list_init(&r->orphans);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&r->buckets[i]);
	evtimer_assign(&r->renewal, loop->base, on_renewal, r);
	r->channel = channel_open(r);
	return r;
}

static void
free_names(struct list *names)
{
	while (!list_empty(names))
		name_free(container_of(names->next, struct resolver_name, in_bucket));
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	r->closing = true;
	dns_channel_close(r->channel);
	event_del(&r->renewal);
	for (unsigned i = 0; i < BUCKETS; i++)
		free_names(&r->buckets[i]);
	free_names(&r->orphans);
	mem_free(r->servers);
	mem_free(r);
}

void
resolver_configure(struct resolver *r, const struct conf_resolver *conf)
{
	copy_conf(r, conf);
	arm(&r->renewal, 0);
}

struct resolver_name *
resolver_watch(struct resolver *r, const char *text)
{
	struct list *bucket = &r->buckets[bucket_of(text) % BUCKETS];
	struct resolver_name *n;

	list_for (node, bucket) {
		n = container_of(node, struct resolver_name, in_bucket);
		if (strcasecmp(n->text, text) == 0) {
			n->watchers++;
			return n;
		}
	}
	n = mem_new(sizeof *n);
	n->resolver = r;
	n->text = mem_strdup(text);
	n->watchers = 1;
	n->good_ms = clock_now_ms();
	evtimer_assign(&n->timer, r->loop->base, on_name_timer, n);
	arm(&n->timer, 0);
	list_append(bucket, &n->in_bucket);
	return n;
}

/* c-ares cannot take a single question back: a name with one under way waits for its answer. */
void
resolver_unwatch(struct resolver *r, struct resolver_name *n)
{
	assert(n->watchers > 0);
	if (--n->watchers > 0)
		return;
	list_unlink(&n->in_bucket);
	if (n->pending == 0) {
		name_free(n);
		return;
	}
	event_del(&n->timer);
	list_append(&r->orphans, &n->in_bucket);
}

void
resolver_seed(struct resolver_name *n, const struct sockaddr *addr)
{
	struct resolver_set all = { 0 };

	if (n->settled)
		return;
	resolver_set_add(&n->sets[addr->sa_family == AF_INET6 ? FAMILY_6 : FAMILY_4], addr);
	for (int f = 0; f < FAMILIES; f++)
		resolver_set_join(&all, &n->sets[f]);
	resolver_set_finish(&all, n->resolver->max_addresses);
	resolver_set_clear(&n->all);
	n->all = all;
}

void
resolver_hurry(struct resolver_name *n)
{
	uint64_t since_ms = clock_now_ms() - n->asked_ms;

	if (n->pending == 0 && !list_linked(&n->in_queue))
		arm(&n->timer, since_ms >= HURRY_MS ? 0 : HURRY_MS - since_ms);
}

const char *
resolver_name_text(const struct resolver_name *n)
{
	return n->text;
}

unsigned
resolver_addresses(
    const struct resolver_name *n, const struct sockaddr_storage **addrs, const socklen_t **lens)
{
	*addrs = n->all.addrs;
	*lens = n->all.lens;
	return n->all.count;
}

bool
resolver_settled(const struct resolver_name *n)
{
	return n->settled;
}

uint64_t
resolver_stale_ms(const struct resolver_name *n, const char **failure)
{
	*failure = n->failure[0] != '\0' ? n->failure : NULL;
	return clock_now_ms() - n->good_ms;
}

uint64_t
resolver_failures(const struct resolver_name *n)
{
	return n->failures;
}
