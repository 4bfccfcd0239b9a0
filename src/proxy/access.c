// SPDX-License-Identifier: Apache-2.0
#include "proxy/access.h"

#include <string.h>

#include "base/clock.h"
#include "conf/topology.h"
#include "net/listener.h"
#include "proxy/exchange.h"
#include "proxy/rate_table.h"
#include "proxy/worker_state.h"
#include "base/hash.h"
#include "steer/table.h"

enum { PREFIX4 = 32, PREFIX6 = 64 }; /* an IPv6 client has at least a /64 to itself */

static const uint64_t second_ns = 1000000000;

static bool
lists_allow(const struct conf_access *a, const struct ip *ip)
{
	return !ip_set_has(&a->deny, ip) && (a->allow.count == 0 || ip_set_has(&a->allow, ip));
}

static uint64_t
address_key(const struct ip *ip, uint64_t rule)
{
	struct ip client = ip_network(ip, PREFIX4, PREFIX6);

	return hash_bytes(&client, sizeof client, rule);
}

/* Who lacks the header is told apart by address, like everybody else. */
static uint64_t
request_key(const struct exchange *x, const struct conf_rate_limit *limit, uint64_t rule)
{
	struct slice value;

	if (limit->key == RATE_KEY_HEADER && head_value(&x->head, slice_of(limit->header), &value))
		return hash_bytes(value.at, value.len, ~rule);
	return address_key(&x->who.ip, rule);
}

/* By the name of what the limit belongs to, so that its buckets outlive a reload. */
static uint64_t
rule_seed(const struct worker *w, const char *name)
{
	return hash_bytes(name, strlen(name), w->setup.rate_seed);
}

/* 0: taken; else how many ns until there is a token. */
static uint64_t
take_token(struct worker *w, const struct conf_rate_limit *limit, uint64_t key)
{
	uint64_t interval_ns = limit->per_ms * (second_ns / 1000) / limit->rate;
	uint32_t burst = limit->burst > 0 ? limit->burst : limit->rate;

	return rate_table_take(
	    w->setup.rates, key, interval_ns > 0 ? interval_ns : 1, burst, clock_now_us() * 1000);
}

static enum fault
decide(struct exchange *x, const struct conf_access *a, const char *name)
{
	uint64_t wait_ns;

	if (!lists_allow(a, &x->who.ip))
		return FAULT_DENIED;
	if (a->rate_limit == NULL)
		return FAULT_NONE;
	wait_ns = take_token(
	    x->worker, a->rate_limit, request_key(x, a->rate_limit, rule_seed(x->worker, name)));
	if (wait_ns == 0)
		return FAULT_NONE;
	x->retry_after_s = (uint32_t)((wait_ns + second_ns - 1) / second_ns);
	return FAULT_RATE_LIMITED;
}

enum fault
access_by_route(struct exchange *x, const struct conf_route *route)
{
	return decide(x, &route->access, route->name);
}

static bool
is_listening(const struct worker *w, const struct listener *l)
{
	const struct listener_set *set = w->table->listeners;

	for (unsigned i = 0; set != NULL && i < set->count; i++)
		if (set->listeners[i] == l)
			return true;
	return set == NULL;
}

/* NULL: there are no rules, or a reload has removed the listener and them with it. */
static const struct conf_listener *
listener_with_rules(const struct worker *w, const struct listener *l)
{
	const struct listener_set *set = w->table->listeners;

	if (!w->table->topology->listeners_have_rules || set == NULL)
		return NULL;
	for (unsigned i = 0; i < set->count; i++)
		if (set->listeners[i] == l)
			return &w->table->topology->listeners[i];
	return NULL;
}

enum fault
access_by_listener(struct exchange *x)
{
	const struct conf_listener *l = listener_with_rules(x->worker, x->facts->accepted_by);

	if (l != NULL)
		return decide(x, &l->access, l->name);
	/* Nobody gets past rules because they are gone with their listener. */
	return x->facts->ruled && !is_listening(x->worker, x->facts->accepted_by) ? FAULT_DENIED :
										    FAULT_NONE;
}

bool
access_admits(struct worker *w, const struct listener *listener, const struct ip *ip)
{
	const struct conf_listener *l = listener_with_rules(w, listener);

	if (l == NULL || l->protocol == PROTOCOL_HTTP)
		return true;
	if (!lists_allow(&l->access, ip))
		return false;
	return l->access.rate_limit == NULL ||
	    take_token(w, l->access.rate_limit, address_key(ip, rule_seed(w, l->name))) == 0;
}
