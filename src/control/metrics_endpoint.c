/* SPDX-License-Identifier: Apache-2.0 */
#include "control/metrics_endpoint.h"

#include <event2/buffer.h>
#include <stdatomic.h>

#include "base/bytes.h"
#include "control/exposition.h"
#include "control/metrics_each.h"
#include "control/view.h"
#include "steer/endpoint.h"
#include "steer/table.h"

typedef void sample_fn(struct evbuffer *, const char *name, const struct view *,
    const struct endpoint *, struct metric_labels *);

static void
sample_states(struct evbuffer *out, const char *name, const struct view *v,
    const struct endpoint *e, struct metric_labels *labels)
{
	enum endpoint_state is =
	    endpoint_word_state(atomic_load_explicit(&e->word, memory_order_relaxed));

	for (enum endpoint_state s = ENDPOINT_UNKNOWN; s <= ENDPOINT_DRAINING; s++) {
		labels->list[4] = (struct metric_label){ "state", endpoint_state_name(s) };
		metric_count(out, name, labels, s == is);
	}
}

static void
sample_tries(struct evbuffer *out, const char *name, const struct view *v, const struct endpoint *e,
    struct metric_labels *labels)
{
	const struct tally_counts *c = tally_endpoint(v->tally, e);

	metric_count(out, name, labels, c != NULL ? c->tries : 0);
}

static void
sample_errors(struct evbuffer *out, const char *name, const struct view *v,
    const struct endpoint *e, struct metric_labels *labels)
{
	const struct tally_counts *c = tally_endpoint(v->tally, e);

	metric_count(out, name, labels, c != NULL ? tally_errors(c) : 0);
}

static void
sample_connections(struct evbuffer *out, const char *name, const struct view *v,
    const struct endpoint *e, struct metric_labels *labels)
{
	struct tally_open open = { 0 };

	tally_add_open(e, &open);
	metric_count(out, name, labels, open.connections);
}

static void
sample_idle(struct evbuffer *out, const char *name, const struct view *v, const struct endpoint *e,
    struct metric_labels *labels)
{
	struct tally_open open = { 0 };

	tally_add_open(e, &open);
	metric_count(out, name, labels, open.idle);
}

static void
sample_active(struct evbuffer *out, const char *name, const struct view *v,
    const struct endpoint *e, struct metric_labels *labels)
{
	struct tally_open open = { 0 };

	tally_add_open(e, &open);
	metric_count(out, name, labels, open.active);
}

static void
sample_check(struct evbuffer *out, const char *name, const struct view *v, const struct endpoint *e,
    struct metric_labels *labels)
{
	uint64_t us = atomic_load_explicit(&e->last_check_us, memory_order_relaxed);

	if (us > 0)
		metric_real(out, name, labels, (double)us / 1e6);
}

static void
sample_certificate(struct evbuffer *out, const char *name, const struct view *v,
    const struct endpoint *e, struct metric_labels *labels)
{
	long long ends_s = atomic_load_explicit(&e->certificate_ends_s, memory_order_relaxed);

	if (ends_s > 0)
		metric_count(out, name, labels, (uint64_t)ends_s);
}

struct family {
	const char *name;
	const char *type;
	const char *help;
	sample_fn *sample;
};

static const struct family families[] = {
	{ "detour_endpoint_state", "gauge", "1 for the state the endpoint is in, 0 for the others.",
	    sample_states },
	{ "detour_endpoint_tries_total", "counter", "Requests sent to the endpoint, retries too.",
	    sample_tries },
	{ "detour_endpoint_errors_total", "counter",
	    "Tries that failed: no connection, no answer, a broken one, or a 5xx.", sample_errors },
	{ "detour_endpoint_connections", "gauge", "Connections open now, idle ones too.",
	    sample_connections },
	{ "detour_endpoint_idle_connections", "gauge", "Connections kept for reuse.", sample_idle },
	{ "detour_endpoint_active_tries", "gauge", "Tries in flight now.", sample_active },
	{ "detour_endpoint_check_duration_seconds", "gauge",
	    "How long the last health check that was answered took.", sample_check },
	{ "detour_endpoint_certificate_not_after_seconds", "gauge",
	    "When the certificate that health checks are shown expires, since 1970; absent without TLS "
	    "and with verify = false.",
	    sample_certificate },
};

/* The host tells endpoints apart that two names share an address for. */
static void
sample_region(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct family *family = arg;

	for (unsigned i = 0; i < r->endpoint_count; i++) {
		const struct endpoint *e = r->endpoints[i];
		struct metric_labels labels = { {
		    { "service", e->service },
		    { "region", e->region },
		    { "endpoint", e->url },
		    { "host", e->host },
		} };

		family->sample(out, family->name, v, e, &labels);
	}
}

void
metrics_write_endpoints(struct evbuffer *out, const struct view *v)
{
	for (unsigned f = 0; f < ARRAY_SIZE(families); f++) {
		metric_family(out, families[f].name, families[f].type, families[f].help);
		metrics_each_region(out, v, sample_region, &families[f]);
	}
}
