/* SPDX-License-Identifier: Apache-2.0 */
#include "control/metrics.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "conf/topology.h"
#include "control/exposition.h"
#include "control/failovers.h"
#include "control/journal.h"
#include "control/metrics_each.h"
#include "control/metrics_endpoint.h"
#include "control/metrics_process.h"
#include "control/metrics_steering.h"
#include "control/view.h"
#include "net/listener.h"
#include "steer/endpoint.h"
#include "steer/share.h"
#include "steer/steering.h"
#include "steer/table.h"
#include "steer/wish.h"

static const char *const class_names[6] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };

static uint64_t
load(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static double
seconds(uint64_t us)
{
	return (double)us / 1e6;
}

/* The atomic_ullong that lies offset bytes into an object. */
static uint64_t
load_at(const void *object, size_t offset)
{
	return load((const atomic_ullong *)(const void *)((const char *)object + offset));
}

static void
gauge(struct evbuffer *out, const char *name, const char *help, double value)
{
	metric_family(out, name, "gauge", help);
	metric_real(out, name, NULL, value);
}

static void
counter(struct evbuffer *out, const char *name, const char *help, uint64_t value)
{
	metric_family(out, name, "counter", help);
	metric_count(out, name, NULL, value);
}

static void
write_build(struct evbuffer *out, const struct view *v)
{
	struct metric_labels labels = { {
	    { "version", v->process.version },
	    { "commit", v->process.commit },
	    { "openssl", OpenSSL_version(OPENSSL_VERSION_STRING) },
	    { "libevent", event_get_version() },
	} };

	metric_family(out, "detour_build_info", "gauge", "What runs; always 1.");
	metric_count(out, "detour_build_info", &labels, 1);
}

static void
write_reloads(struct evbuffer *out, const struct view_process *p)
{
	static const char name[] = "detour_config_reloads_total";
	struct metric_labels applied = { { { "result", "applied" } } };
	struct metric_labels refused = { { { "result", "refused" } } };

	gauge(out, "detour_config_last_reload_successful",
	    "1: the last configuration given was applied; 0: it was refused and the old one "
	    "serves.",
	    p->reload_successful);
	gauge(out, "detour_config_last_reload_timestamp_seconds",
	    "When a configuration was last applied, since 1970.",
	    seconds(p->reload_success_wall_us));
	metric_family(out, name, "counter", "Reloads asked for since the start, by result.");
	metric_count(out, name, &applied, p->reloads_applied);
	metric_count(out, name, &refused, p->reloads_refused);
}

static void
write_state(struct evbuffer *out, const struct view *v)
{
	gauge(out, "detour_ready", "1: serves and does not drain; as /readyz.",
	    v->ready && !v->process.draining);
	gauge(out, "detour_draining", "1: finishes what is in flight, then ends.",
	    v->process.draining);
	write_reloads(out, &v->process);
	gauge(out, "detour_table_generation", "Grows with each routing table published.",
	    v->table != NULL ? (double)v->table->generation : 0);
	gauge(out, "detour_memory_limit_bytes", "What memory.limit says, or what was found.",
	    (double)atomic_load_explicit(&v->control->memory_limit, memory_order_relaxed));
	gauge(out, "detour_memory_pressure",
	    "0: none, 1: requests of low priority are shed, 2: connections are not kept, 3: nobody "
	    "new is accepted.",
	    atomic_load_explicit(&v->control->memory_pressure, memory_order_relaxed));
	counter(out, "detour_access_log_dropped_lines_total",
	    "Access-log lines lost because the log could not keep up.",
	    v->process.access_log_dropped);
}

static void
write_certificates(struct evbuffer *out, const struct topology *topology)
{
	static const char name[] = "detour_tls_certificate_not_after_seconds";

	metric_family(
	    out, name, "gauge", "When the first certificate of a tls block expires, since 1970.");
	for (unsigned i = 0; i < topology->tls_count; i++) {
		const struct conf_tls *tls = &topology->tls[i];
		struct metric_labels labels = { { { "tls", tls->name } } };
		int64_t first = INT64_MAX;

		for (unsigned j = 0; j < tls->certificate_count; j++)
			if (tls->certificates[j].not_after < first)
				first = tls->certificates[j].not_after;
		if (tls->certificate_count > 0)
			metric_real(out, name, &labels, (double)first);
	}
}

static void
write_listeners(struct evbuffer *out, const struct table *table)
{
	static const char name[] = "detour_listener_connections";
	const struct listener_set *set = table->listeners;

	metric_family(out, name, "gauge", "Client connections open now, by listener.");
	for (unsigned i = 0; set != NULL && i < set->count; i++) {
		struct metric_labels labels = {
			{ { "listener", table->topology->listeners[i].name } }
		};

		metric_count(out, name, &labels,
		    atomic_load_explicit(&set->listeners[i]->connections, memory_order_relaxed));
	}
}

/* Counters of the whole process: summed over workers. */
static const struct {
	const char *name;
	const char *help;
	size_t offset;
} summed[] = {
	{ "detour_http_retries_total", "Tries after the first of a request.",
	    offsetof(struct worker_stats, retries) },
	{ "detour_http_redirects_total", "Requests answered with a configured redirect.",
	    offsetof(struct worker_stats, redirects) },
	{ "detour_http2_connections_total", "Connections of clients that spoke HTTP/2.",
	    offsetof(struct worker_stats, h2_clients) },
	{ "detour_http2_broken_off_total", "HTTP/2 connections of clients closed for abuse.",
	    offsetof(struct worker_stats, h2_broken_off) },
	{ "detour_client_received_bytes_total", "Bytes from clients, after TLS.",
	    offsetof(struct worker_stats, bytes_in) },
	{ "detour_spliced_bytes_total",
	    "Bytes of tcp services that passed through the kernel alone.",
	    offsetof(struct worker_stats, spliced) },
	{ "detour_client_sent_bytes_total", "Bytes to clients, before TLS.",
	    offsetof(struct worker_stats, bytes_out) },
};

/* Counters by worker: those that tell about the worker itself. */
static const struct {
	const char *name;
	const char *help;
	size_t offset;
} by_worker[] = {
	{ "detour_worker_accepted_connections_total", "Client connections accepted.",
	    offsetof(struct worker_stats, accepted) },
	{ "detour_worker_refused_connections_total",
	    "Client connections closed at once because a connection limit was reached.",
	    offsetof(struct worker_stats, refused) },
	{ "detour_worker_bad_proxy_headers_total",
	    "Client connections closed because their PROXY header was missing, late or malformed, "
	    "or because their sender is not among trusted_proxies.",
	    offsetof(struct worker_stats, bad_headers) },
	{ "detour_worker_requests_total", "Requests that came in.",
	    offsetof(struct worker_stats, requests) },
	{ "detour_worker_accept_pauses_total",
	    "Times accepting paused because file descriptors or memory ran out.",
	    offsetof(struct worker_stats, accept_pauses) },
	{ "detour_worker_allocations_total",
	    "Calls that took memory from the system; flat in steady state.",
	    offsetof(struct worker_stats, allocations) },
};

static uint64_t
sum_workers(const struct view *v, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < v->worker_count; i++)
		sum += load_at(v->workers[i].stats, offset);
	return sum;
}

static void
write_requests(struct evbuffer *out, const struct view *v)
{
	static const char requests[] = "detour_http_requests_total";
	static const char faults[] = "detour_http_request_faults_total";
	static const char calls[] = "detour_grpc_calls_total";
	static const char duration[] = "detour_http_request_duration_seconds";

	metric_family(out, requests, "counter", "Requests answered, by class of the status sent.");
	for (unsigned i = 1; i < 6; i++) {
		struct metric_labels labels = { { { "code_class", class_names[i] } } };

		metric_count(out, requests, &labels,
		    sum_workers(v, offsetof(struct worker_stats, status_class[i])));
	}
	metric_family(out, faults, "counter", "Requests that ended with a fault, by reason.");
	for (unsigned i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
		struct metric_labels labels = { { { "reason", fault_word((enum fault)i) } } };

		metric_count(
		    out, faults, &labels, sum_workers(v, offsetof(struct worker_stats, faults[i])));
	}
	metric_family(out, calls, "counter", "gRPC calls, by the status their clients were sent.");
	for (unsigned i = 0; i < GRPC_STATUS_COUNT; i++) {
		struct metric_labels labels;
		char code[8];

		snprintf(code, sizeof code, "%u", i);
		labels = (struct metric_labels){ { { "grpc_status", code } } };
		metric_count(out, calls, &labels,
		    sum_workers(v, offsetof(struct worker_stats, grpc_status[i])));
	}
	metric_family(out, duration, "histogram", "First byte in to last byte out.");
	metric_histogram(out, duration, NULL, tally_requests(v->tally));
}

static void
write_mirrors(struct evbuffer *out, const struct view *v)
{
	static const char name[] = "detour_mirrors_total";
	static const char *const results[MIRROR_RESULTS] = {
		[MIRROR_ANSWERED] = "answered",
		[MIRROR_FAILED] = "failed",
		[MIRROR_FULL] = "skipped_full",
		[MIRROR_BODY] = "skipped_body",
		[MIRROR_LOOP] = "skipped_loop",
	};

	metric_family(out, name, "counter",
	    "Copies of requests for mirrors, by what became of them; in no other number of "
	    "requests.");
	for (unsigned i = 0; i < MIRROR_RESULTS; i++) {
		struct metric_labels labels = { { { "result", results[i] } } };

		metric_count(out, name, &labels,
		    sum_workers(v, offsetof(struct worker_stats, mirror_results[i])));
	}
}

static void
write_handshakes(struct evbuffer *out, const struct view *v)
{
	static const char name[] = "detour_tls_handshakes_total";
	struct metric_labels full = { { { "result", "full" } } };
	struct metric_labels resumed = { { { "result", "resumed" } } };
	struct metric_labels failed = { { { "result", "failed" } } };
	uint64_t done = sum_workers(v, offsetof(struct worker_stats, handshakes));
	uint64_t again = sum_workers(v, offsetof(struct worker_stats, handshakes_resumed));

	metric_family(out, name, "counter", "TLS handshakes with clients, by result.");
	/* the two are read one after the other: never let the difference wrap */
	metric_count(out, name, &full, done > again ? done - again : 0);
	metric_count(out, name, &resumed, again);
	metric_count(
	    out, name, &failed, sum_workers(v, offsetof(struct worker_stats, handshakes_failed)));
}

static void
write_worker_gauge(
    struct evbuffer *out, const struct view *v, const char *name, const char *help, size_t offset)
{
	metric_family(out, name, "gauge", help);
	for (unsigned i = 0; i < v->worker_count; i++) {
		const char *at = (const char *)v->workers[i].stats + offset;
		char index[16];
		struct metric_labels labels = { { { "worker", index } } };

		snprintf(index, sizeof index, "%u", i);
		metric_count(out, name, &labels,
		    atomic_load_explicit(
			(const atomic_uint *)(const void *)at, memory_order_relaxed));
	}
}

static void
write_workers(struct evbuffer *out, const struct view *v)
{
	for (unsigned f = 0; f < ARRAY_SIZE(summed); f++)
		counter(out, summed[f].name, summed[f].help, sum_workers(v, summed[f].offset));
	write_worker_gauge(out, v, "detour_worker_client_connections",
	    "Client connections open now.", offsetof(struct worker_stats, clients));
	write_worker_gauge(out, v, "detour_worker_requests_in_flight", "Requests in flight now.",
	    offsetof(struct worker_stats, exchanges));
	write_worker_gauge(out, v, "detour_worker_tunnels", "Tunnels (WebSocket, TCP) open now.",
	    offsetof(struct worker_stats, tunnels));
	write_worker_gauge(out, v, "detour_worker_mirrors", "Copies on their way to mirrors now.",
	    offsetof(struct worker_stats, mirrors));
	for (unsigned f = 0; f < ARRAY_SIZE(by_worker); f++) {
		metric_family(out, by_worker[f].name, "counter", by_worker[f].help);
		for (unsigned i = 0; i < v->worker_count; i++) {
			char index[16];
			struct metric_labels labels = { { { "worker", index } } };

			snprintf(index, sizeof index, "%u", i);
			metric_count(out, by_worker[f].name, &labels,
			    load_at(v->workers[i].stats, by_worker[f].offset));
		}
	}
}

/* Of each loop: the workers', then control's. */
static void
write_stalls(struct evbuffer *out, const struct view *v, bool longest)
{
	for (unsigned i = 0; i <= v->worker_count; i++) {
		const struct watchdog_stalls *s = &v->control->stalls;
		char name[24] = "control";
		struct metric_labels labels = { { { "loop", name } } };

		if (i < v->worker_count) {
			s = &v->workers[i].stats->stalls;
			snprintf(name, sizeof name, "worker-%u", i);
		}
		if (longest)
			metric_real(out, "detour_loop_longest_stall_seconds", &labels,
			    seconds(load(&s->longest_us)));
		else
			metric_count(out, "detour_loop_stalls_total", &labels, load(&s->count));
	}
}

static void
write_control(struct evbuffer *out, const struct controller_stats *c)
{
	static const char checks[] = "detour_health_checks_total";
	struct metric_labels passed = { { { "result", "passed" } } };
	struct metric_labels failed = { { { "result", "failed" } } };
	uint64_t all = load(&c->checks), bad = load(&c->checks_failed);

	metric_family(out, checks, "counter", "Health checks completed, by result.");
	metric_count(out, checks, &passed, all > bad ? all - bad : 0);
	metric_count(out, checks, &failed, bad);
	counter(out, "detour_endpoint_state_changes_total", "Changes of an endpoint's state.",
	    load(&c->verdict_changes));
	counter(out, "detour_region_share_changes_total", "Changes of a region's share.",
	    load(&c->share_changes));
	counter(out, "detour_tables_built_total", "Routing tables built.", load(&c->tables_built));
	counter(out, "detour_control_ticks_total", "Turns of the control thread that look at all.",
	    load(&c->ticks));
	metric_family(out, "detour_control_tick_seconds_total", "counter", "Time spent in them.");
	metric_real(out, "detour_control_tick_seconds_total", NULL, seconds(load(&c->tick_us)));
	gauge(out, "detour_control_tick_max_seconds",
	    "The slowest turn of the control thread so far.", seconds(load(&c->tick_us_max)));
	gauge(out, "detour_dns_names_failing",
	    "Names whose last resolution failed; their last good addresses stay in use.",
	    atomic_load_explicit(&c->dns_failing, memory_order_relaxed));
}

static void
region_share(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	struct metric_labels labels = metrics_region_labels(r);
	unsigned share = atomic_load_explicit(&r->steering->share, memory_order_relaxed);

	metric_real(out, "detour_region_share_ratio", &labels, (double)share / SHARE_WHOLE);
}

static void
region_usable(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	struct metric_labels labels = metrics_region_labels(r);

	metric_count(out, "detour_region_usable_endpoints", &labels,
	    atomic_load_explicit(&r->steering->usable, memory_order_relaxed));
}

static void
region_endpoints(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	struct metric_labels labels = metrics_region_labels(r);

	metric_count(out, "detour_region_endpoints", &labels, r->endpoint_count);
}

static void
region_responses(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct tally_counts *c = tally_region(v->tally, r);

	for (unsigned i = 1; i < 6; i++) {
		struct metric_labels labels = metrics_region_labels(r);

		labels.list[2] = (struct metric_label){ "code_class", class_names[i] };
		metric_count(out, "detour_region_responses_total", &labels,
		    c != NULL ? c->status_class[i] : 0);
	}
}

/* Only reasons that occurred: all of them for each region would be thousands of zeros. */
static void
region_faults(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct tally_counts *c = tally_region(v->tally, r);

	for (unsigned i = FAULT_NONE + 1; c != NULL && i < FAULT_COUNT; i++) {
		struct metric_labels labels = metrics_region_labels(r);

		labels.list[2] = (struct metric_label){ "reason", fault_word((enum fault)i) };
		if (c->faults[i] > 0)
			metric_count(out, "detour_region_faults_total", &labels, c->faults[i]);
	}
}

static void
region_first_byte(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	static const struct histogram_sum none;
	struct metric_labels labels = metrics_region_labels(r);
	const struct tally_counts *c = tally_region(v->tally, r);

	metric_histogram(
	    out, "detour_region_first_byte_seconds", &labels, c != NULL ? &c->first_byte : &none);
}

/* Counters of a region that are one number of its account. */
struct region_counter {
	const char *name;
	const char *help;
	size_t offset;
};

static const struct region_counter region_counters[] = {
	{ "detour_region_tries_total", "Requests sent to the region, retries too.",
	    offsetof(struct tally_counts, tries) },
	{ "detour_region_connects_total", "Connections made to the region's endpoints.",
	    offsetof(struct tally_counts, connects) },
	{ "detour_region_reused_connections_total", "Tries that found an idle connection.",
	    offsetof(struct tally_counts, reused) },
	{ "detour_region_received_bytes_total", "Bytes from the region's endpoints.",
	    offsetof(struct tally_counts, bytes_in) },
	{ "detour_region_sent_bytes_total", "Bytes to the region's endpoints.",
	    offsetof(struct tally_counts, bytes_out) },
};

static void
region_counter(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct region_counter *counter = arg;
	struct metric_labels labels = metrics_region_labels(r);
	const char *c = (const char *)tally_region(v->tally, r);
	const void *at = c != NULL ? c + counter->offset : NULL;

	metric_count(out, counter->name, &labels, at != NULL ? *(const uint64_t *)at : 0);
}

static void
write_region_counters(struct evbuffer *out, const struct view *v)
{
	for (unsigned f = 0; f < ARRAY_SIZE(region_counters); f++) {
		metric_family(out, region_counters[f].name, "counter", region_counters[f].help);
		metrics_each_region(out, v, region_counter, &region_counters[f]);
	}
}

static void
write_regions(struct evbuffer *out, const struct view *v)
{
	metric_family(out, "detour_region_share_ratio", "gauge",
	    "The region's share of the service's new requests.");
	metrics_each_region(out, v, region_share, NULL);
	metric_family(out, "detour_region_usable_endpoints", "gauge", "Endpoints that are up.");
	metrics_each_region(out, v, region_usable, NULL);
	metric_family(out, "detour_region_endpoints", "gauge", "Endpoints known.");
	metrics_each_region(out, v, region_endpoints, NULL);
	write_region_counters(out, v);
	metric_family(out, "detour_region_responses_total", "counter",
	    "Answers from the region, by class of their status.");
	metrics_each_region(out, v, region_responses, NULL);
	metric_family(out, "detour_region_faults_total", "counter",
	    "Tries that ended with a fault, by reason.");
	metrics_each_region(out, v, region_faults, NULL);
	metric_family(out, "detour_region_first_byte_seconds", "histogram",
	    "From a try's request sent to the head of its answer.");
	metrics_each_region(out, v, region_first_byte, NULL);
}

static uint64_t
count_wishes(const struct wishes *wishes, enum wish_kind kind)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < wishes->count; i++)
		n += wishes->list[i].kind == kind;
	return n;
}

static void
write_journal(struct evbuffer *out, const struct journal_stats *j)
{
	counter(out, "detour_journal_facts_total", "Facts in the journal since the start.",
	    atomic_load_explicit(&j->facts, memory_order_relaxed));
	counter(out, "detour_journal_dropped_facts_total",
	    "Facts lost because too many came at once.",
	    atomic_load_explicit(&j->dropped, memory_order_relaxed));
	counter(out, "detour_journal_unwritten_facts_total",
	    "Facts that the disk did not take; they were in memory only.",
	    atomic_load_explicit(&j->unwritten, memory_order_relaxed));
}

static void
write_wishes(struct evbuffer *out, const struct wishes *wishes)
{
	metric_family(out, "detour_wishes", "gauge", "Wishes of people in force, by kind.");
	for (int kind = WISH_EVACUATE; kind <= WISH_PIN; kind++) {
		struct metric_labels labels = { {
		    { "wish", wish_word((enum wish_kind)kind) },
		} };

		metric_count(
		    out, "detour_wishes", &labels, count_wishes(wishes, (enum wish_kind)kind));
	}
}

void
metrics_write(struct evbuffer *out, const struct view *v)
{
	write_build(out, v);
	metrics_write_process(out, v->process.started_wall_us);
	write_state(out, v);
	write_requests(out, v);
	write_mirrors(out, v);
	write_handshakes(out, v);
	write_workers(out, v);
	write_control(out, v->control);
	metric_family(out, "detour_loop_stalls_total", "counter",
	    "Times an event loop stood still for process.stall_warning or longer.");
	write_stalls(out, v, false);
	metric_family(
	    out, "detour_loop_longest_stall_seconds", "gauge", "The longest of them so far.");
	write_stalls(out, v, true);
	counter(out, "detour_refused_syscalls_total",
	    "System calls that the process made and its own filter refused.",
	    v->process.refused_syscalls);
	if (v->journal != NULL)
		write_journal(out, v->journal);
	if (v->failovers != NULL)
		failovers_write(out, v->failovers);
	if (v->wishes != NULL)
		write_wishes(out, v->wishes);
	if (v->table == NULL)
		return;
	write_certificates(out, v->table->topology);
	write_listeners(out, v->table);
	metrics_write_steering(out, v);
	write_regions(out, v);
	metrics_write_endpoints(out, v);
}
