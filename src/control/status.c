/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/topology.h"
#include "control/expiry.h"
#include "control/status_steering.h"
#include "control/view.h"
#include "net/listener.h"
#include "steer/endpoint.h"
#include "steer/region.h"
#include "steer/share.h"
#include "steer/steering.h"
#include "steer/table.h"

static const char *
balance_word(enum conf_balance balance)
{
	switch (balance) {
	case BALANCE_LEAST_REQUEST:
		return "least_request";
	case BALANCE_ROUND_ROBIN:
		return "round_robin";
	case BALANCE_RANDOM:
		return "random";
	case BALANCE_MAGLEV:
		return "maglev";
	}
	return "unknown";
}

const char *
status_region_word(const struct table_region *r)
{
	unsigned share = atomic_load_explicit(&r->steering->share, memory_order_relaxed);
	unsigned usable = atomic_load_explicit(&r->steering->usable, memory_order_relaxed);

	enum region_state state =
	    (enum region_state)atomic_load_explicit(&r->steering->state, memory_order_relaxed);

	if (r->endpoint_count == 0)
		return "empty";
	if (state == REGION_EVACUATED)
		return "evacuated";
	if (share > 0 && usable == 0)
		return "fail_open";
	if (state == REGION_UP || state == REGION_SUSPECT)
		return share > 0 ? "serving" : usable > 0 ? "standby" : "down";
	return region_state_name(state);
}

static json_t *
json_number(unsigned long long number)
{
	return json_integer((json_int_t)number);
}

static json_t *
json_load(const atomic_ullong *counter)
{
	return json_number(atomic_load_explicit(counter, memory_order_relaxed));
}

static json_t *
json_ratio(double part, double whole)
{
	return json_real((double)(int64_t)(part * 10000.0 / whole + 0.5) / 10000.0);
}

/* Three decimals are enough for people and keep the text short; value is never negative. */
static json_t *
json_rounded(double value)
{
	return json_real((double)(int64_t)(value * 1000.0 + 0.5) / 1000.0);
}

static json_t *
json_wall(uint64_t wall_us)
{
	char text[32];

	if (wall_us == 0)
		return json_null();
	return json_string(clock_format_wall(wall_us, text, sizeof text));
}

/* Names come from the configuration, which may hold any bytes; the JSON must stay valid. */
static json_t *
json_text(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : json_string("(not UTF-8)");
}

static void
add_window(json_t *into, const struct tally_window *w)
{
	json_object_set_new(into, "rate", json_rounded(w->tries_per_s));
	json_object_set_new(into, "error_rate", json_rounded(w->errors_per_s));
	json_object_set_new(into, "p50_ms",
	    json_rounded((double)histogram_quantile(&w->first_byte, 0.50) / 1000.0));
	json_object_set_new(into, "p99_ms",
	    json_rounded((double)histogram_quantile(&w->first_byte, 0.99) / 1000.0));
}

static void
add_counts(json_t *into, const struct tally_counts *c)
{
	json_object_set_new(into, "requests", json_number(c != NULL ? c->tries : 0));
	json_object_set_new(into, "errors", json_number(c != NULL ? tally_errors(c) : 0));
}

static json_t *
fault_counts(const struct tally_counts *c)
{
	json_t *faults = json_object();

	for (unsigned i = FAULT_NONE + 1; c != NULL && i < FAULT_COUNT; i++)
		if (c->faults[i] > 0)
			json_object_set_new(
			    faults, fault_word((enum fault)i), json_number(c->faults[i]));
	return faults;
}

static void
add_verdict(json_t *into, const struct view *v, const struct endpoint *e)
{
	unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);
	uint64_t since_ms = atomic_load_explicit(&e->since_ms, memory_order_relaxed);
	uint64_t held_ms = v->now_ms > since_ms ? v->now_ms - since_ms : 0;
	char text[ENDPOINT_REASON_BYTES];

	json_object_set_new(
	    into, "state", json_string(endpoint_state_name(endpoint_word_state(word))));
	json_object_set_new(into, "reason", json_string(endpoint_reason(e, text, sizeof text)));
	/* 0: it never changed since it was made */
	json_object_set_new(into, "since",
	    since_ms == 0 ? json_null() : json_wall(v->now_wall_us - held_ms * 1000));
	json_object_set_new(
	    into, "since_s", since_ms == 0 ? json_null() : json_rounded((double)held_ms / 1000.0));
}

static json_t *
endpoint_status(const struct view *v, const struct table_region *r, unsigned index)
{
	const struct endpoint *e = r->endpoints[index];
	const struct tally_counts *counts = tally_endpoint(v->tally, e);
	uint64_t check_us = atomic_load_explicit(&e->last_check_us, memory_order_relaxed);
	uint64_t ends_s =
	    (uint64_t)atomic_load_explicit(&e->certificate_ends_s, memory_order_relaxed);
	struct tally_window window = { 0 };
	struct tally_open open = { 0 };
	json_t *json = json_object();

	tally_add_endpoint_window(v->tally, e, v->now_ms, &window);
	tally_add_open(e, &open);
	json_object_set_new(json, "url", json_text(e->url));
	json_object_set_new(json, "host", json_text(e->host));
	add_verdict(json, v, e);
	json_object_set_new(json, "weight", json_number(r->weights[index]));
	add_counts(json, counts);
	add_window(json, &window);
	json_object_set_new(json, "faults", fault_counts(counts));
	json_object_set_new(json, "connections", json_number(open.connections));
	json_object_set_new(json, "idle", json_number(open.idle));
	json_object_set_new(json, "active", json_number(open.active));
	json_object_set_new(json, "check_ms",
	    check_us == 0 ? json_null() : json_rounded((double)check_us / 1000.0));
	json_object_set_new(json, "certificate_ends", json_wall(ends_s * 1000000));
	json_object_set_new(json, "certificate_warning",
	    json_boolean(expiry_is_near((int64_t)ends_s, (int64_t)(v->now_wall_us / 1000000))));
	return json;
}

static json_t *
region_status(const struct view *v, const struct table_service *s, const struct table_region *r,
    struct tally_window *service)
{
	const struct tally_counts *counts = tally_region(v->tally, r);
	unsigned share = atomic_load_explicit(&r->steering->share, memory_order_relaxed);
	unsigned usable = atomic_load_explicit(&r->steering->usable, memory_order_relaxed);
	struct tally_window window = { 0 };
	json_t *json = json_object();
	json_t *endpoints = json_array();

	tally_add_region_window(v->tally, r, v->now_ms, &window);
	tally_add_region_window(v->tally, r, v->now_ms, service);
	json_object_set_new(json, "name", json_text(r->name));
	json_object_set_new(json, "provider", json_text(r->conf->region->provider));
	json_object_set_new(json, "state", json_string(status_region_word(r)));
	json_object_set_new(json, "tier", json_number(r->conf->tier));
	json_object_set_new(json, "weight", json_number(r->conf->weight));
	json_object_set_new(json, "share", json_ratio(share, SHARE_WHOLE));
	json_object_set_new(json, "usable", json_number(usable));
	status_add_region(json, v, s, r);
	add_counts(json, counts);
	add_window(json, &window);
	json_object_set_new(json, "faults", fault_counts(counts));
	for (unsigned i = 0; i < r->endpoint_count; i++)
		json_array_append_new(endpoints, endpoint_status(v, r, i));
	json_object_set_new(json, "endpoints", endpoints);
	return json;
}

static json_t *
service_status(const struct view *v, const struct table_service *s)
{
	struct tally_window window = { 0 };
	uint64_t requests = 0, errors = 0;
	bool fail_open =
	    atomic_load_explicit(&s->steering->mode, memory_order_relaxed) == SHARE_FAIL_OPEN;
	json_t *json = json_object();
	json_t *regions = json_array();

	for (unsigned i = 0; i < s->region_count; i++) {
		const struct table_region *r = &s->regions[i];
		const struct tally_counts *counts = tally_region(v->tally, r);

		json_array_append_new(regions, region_status(v, s, r, &window));
		if (counts != NULL) {
			requests += counts->tries;
			errors += tally_errors(counts);
		}
	}
	json_object_set_new(json, "name", json_text(s->conf->name));
	json_object_set_new(json, "balance", json_string(balance_word(s->conf->balance)));
	json_object_set_new(json, "fail_open", json_boolean(fail_open));
	status_add_service(json, v, s);
	json_object_set_new(json, "requests", json_number(requests));
	json_object_set_new(json, "errors", json_number(errors));
	add_window(json, &window);
	json_object_set_new(json, "regions", regions);
	return json;
}

static json_t *
services_status(const struct view *v)
{
	json_t *services = json_array();

	for (unsigned i = 0; v->table != NULL && i < v->table->service_count; i++)
		json_array_append_new(services, service_status(v, &v->table->services[i]));
	return services;
}

static json_t *
listeners_status(const struct view *v)
{
	const struct listener_set *set = v->table != NULL ? v->table->listeners : NULL;
	json_t *listeners = json_array();
	char text[128];

	for (unsigned i = 0; set != NULL && i < set->count; i++) {
		const struct conf_listener *conf = &v->table->topology->listeners[i];
		const struct listener *l = set->listeners[i];
		json_t *json = json_object();

		json_object_set_new(json, "name", json_text(conf->name));
		json_object_set_new(
		    json, "bind", json_text(listener_bound_text(l, text, sizeof text)));
		json_object_set_new(json, "scheme", json_text(conf_listener_scheme(conf)));
		json_object_set_new(json, "tls", json_boolean(conf->tls != NULL));
		json_object_set_new(json, "connections",
		    json_number(atomic_load_explicit(&l->connections, memory_order_relaxed)));
		json_array_append_new(listeners, json);
	}
	return listeners;
}

static json_t *
worker_status(unsigned index, const struct view_worker *w)
{
	const struct worker_stats *s = w->stats;
	json_t *json = json_object();

	json_object_set_new(json, "index", json_number(index));
	json_object_set_new(json, "thread_id", json_integer(w->thread_id));
	json_object_set_new(
	    json, "clients", json_number(atomic_load_explicit(&s->clients, memory_order_relaxed)));
	json_object_set_new(json, "exchanges",
	    json_number(atomic_load_explicit(&s->exchanges, memory_order_relaxed)));
	json_object_set_new(json, "accepted", json_load(&s->accepted));
	json_object_set_new(json, "refused", json_load(&s->refused));
	json_object_set_new(json, "handshakes", json_load(&s->handshakes));
	json_object_set_new(json, "handshakes_resumed", json_load(&s->handshakes_resumed));
	json_object_set_new(json, "handshakes_failed", json_load(&s->handshakes_failed));
	json_object_set_new(json, "requests", json_load(&s->requests));
	json_object_set_new(json, "retries", json_load(&s->retries));
	json_object_set_new(json, "redirects", json_load(&s->redirects));
	json_object_set_new(json, "bytes_in", json_load(&s->bytes_in));
	json_object_set_new(json, "bytes_out", json_load(&s->bytes_out));
	json_object_set_new(json, "accept_pauses", json_load(&s->accept_pauses));
	json_object_set_new(json, "allocations", json_load(&s->allocations));
	json_object_set_new(json, "loop_stalls", json_load(&s->stalls.count));
	json_object_set_new(json, "longest_stall_ms",
	    json_number(atomic_load_explicit(&s->stalls.longest_us, memory_order_relaxed) / 1000));
	return json;
}

static json_t *
config_status(const struct view *v)
{
	const struct view_process *p = &v->process;
	json_t *json = json_object();

	json_object_set_new(json, "path", p->config != NULL ? json_text(p->config) : json_null());
	json_object_set_new(
	    json, "generation", json_number(v->table != NULL ? v->table->generation : 0));
	json_object_set_new(json, "last_reload", json_wall(p->reload_wall_us));
	json_object_set_new(json, "last_reload_successful", json_boolean(p->reload_successful));
	json_object_set_new(json, "applied_at", json_wall(p->reload_success_wall_us));
	return json;
}

json_t *
status_json(const struct view *v)
{
	const struct view_process *p = &v->process;
	uint64_t up_us =
	    v->now_wall_us > p->started_wall_us ? v->now_wall_us - p->started_wall_us : 0;
	json_t *json = json_object();
	json_t *workers = json_array();

	for (unsigned i = 0; i < v->worker_count; i++)
		json_array_append_new(workers, worker_status(i, &v->workers[i]));
	json_object_set_new(json, "version", json_text(p->version));
	json_object_set_new(json, "commit", json_text(p->commit));
	json_object_set_new(json, "pid", json_integer(getpid()));
	json_object_set_new(json, "time", json_wall(v->now_wall_us));
	json_object_set_new(json, "started", json_wall(p->started_wall_us));
	json_object_set_new(json, "uptime_s", json_rounded((double)up_us / 1e6));
	json_object_set_new(json, "ready", json_boolean(v->ready && !p->draining));
	json_object_set_new(json, "draining", json_boolean(p->draining));
	json_object_set_new(json, "config", config_status(v));
	json_object_set_new(json, "listeners", listeners_status(v));
	json_object_set_new(json, "workers", workers);
	json_object_set_new(json, "access_log_dropped", json_number(p->access_log_dropped));
	json_object_set_new(json, "services", services_status(v));
	return json;
}
