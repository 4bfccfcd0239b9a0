/* SPDX-License-Identifier: Apache-2.0 */
#include "control/metrics_steering.h"

#include <string.h>

#include "base/bytes.h"
#include "conf/topology.h"
#include "control/exposition.h"
#include "control/meter.h"
#include "control/metrics_each.h"
#include "control/view.h"
#include "steer/region.h"
#include "steer/share.h"
#include "steer/steering.h"
#include "steer/table.h"

typedef void service_fn(struct evbuffer *, const struct table_service *);

static struct metric_labels
service_labels(const struct table_service *s)
{
	return (struct metric_labels){ { { "service", s->conf->name } } };
}

static unsigned
get(const atomic_uint *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void
each_service(struct evbuffer *out, const struct view *v, service_fn *fn)
{
	for (unsigned i = 0; i < v->table->service_count; i++)
		fn(out, &v->table->services[i]);
}

static void
region_state(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct steering *s = r->steering;
	unsigned now = get(&s->state);

	for (unsigned i = 0; i < STEERING_STATES; i++) {
		struct metric_labels labels = metrics_region_labels(r);

		labels.list[2] =
		    (struct metric_label){ "state", region_state_name((enum region_state)i) };
		metric_count(out, "detour_region_state", &labels, i == now);
	}
}

static void
region_entered(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct steering *s = r->steering;
	for (unsigned i = 0; i < STEERING_STATES; i++) {
		struct metric_labels labels = metrics_region_labels(r);

		labels.list[2] =
		    (struct metric_label){ "state", region_state_name((enum region_state)i) };
		metric_count(out, "detour_region_transitions_total", &labels,
		    atomic_load_explicit(&s->entered[i], memory_order_relaxed));
	}
}

static void
region_target(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct steering *s = r->steering;
	struct metric_labels labels = metrics_region_labels(r);

	metric_real(out, "detour_region_target_share_ratio", &labels,
	    (double)get(&s->target) / SHARE_WHOLE);
}

static void
region_limit(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	const struct steering *s = r->steering;
	struct metric_labels labels = metrics_region_labels(r);
	double limit = atomic_load_explicit(&s->limit, memory_order_relaxed);

	if (limit > 0)
		metric_real(out, "detour_region_limit_requests_per_second", &labels, limit);
}

static void
region_loss(
    struct evbuffer *out, const struct view *v, const struct table_region *r, const void *arg)
{
	struct metric_labels labels = metrics_region_labels(r);

	metric_real(out, "detour_region_loss_shed_ratio", &labels,
	    atomic_load_explicit(&r->steering->loss, memory_order_relaxed));
}

static void
service_panic(struct evbuffer *out, const struct table_service *s)
{
	struct metric_labels labels = service_labels(s);
	bool active = get(&s->steering->mode) == SHARE_FAIL_OPEN;

	for (unsigned i = 0; i < s->region_count; i++)
		active = active || get(&s->regions[i].steering->blind) != 0;
	metric_count(out, "detour_panic_active", &labels, active);
}

static void
service_fail_opens(struct evbuffer *out, const struct table_service *s)
{
	struct metric_labels labels = service_labels(s);

	metric_count(out, "detour_service_fail_opens_total", &labels,
	    atomic_load_explicit(&s->steering->fail_opens, memory_order_relaxed));
}

static void
service_shed_ratio(struct evbuffer *out, const struct table_service *s)
{
	struct metric_labels labels = service_labels(s);

	metric_real(
	    out, "detour_shed_ratio", &labels, (double)get(&s->steering->shed) / SHARE_WHOLE);
}

static void
service_self_suspect(struct evbuffer *out, const struct table_service *s)
{
	struct metric_labels labels = service_labels(s);

	metric_count(out, "detour_self_suspect", &labels, get(&s->steering->self_suspect));
}

/* What the workers count of a service. */
static const struct {
	const char *name, *meaning;
	uint64_t (*read)(const struct service_steering *);
} service_counts[] = {
	{ "detour_service_requests_total", "Requests routed to the service.",
	    service_meter_requests },
	{ "detour_service_shed_requests_total",
	    "Requests refused because no region had capacity left, or for their low priority as memory is short.",
	    service_meter_shed },
	{ "detour_service_shed_for_memory_requests_total",
	    "Of those shed, the ones refused for their low priority as memory is short.",
	    service_meter_shed_for_memory },
	{ "detour_service_refused_requests_total",
	    "Requests refused because no region was up, or there is none.", service_meter_refused },
	{ "detour_service_paced_requests_total",
	    "Waits of requests for the rate of a region: up to an eighth of a second each.",
	    service_meter_paced },
};

static void
write_service_counts(struct evbuffer *out, const struct view *v)
{
	for (unsigned i = 0; i < ARRAY_SIZE(service_counts); i++) {
		metric_family(out, service_counts[i].name, "counter", service_counts[i].meaning);
		for (unsigned n = 0; n < v->table->service_count; n++) {
			const struct table_service *s = &v->table->services[n];
			struct metric_labels labels = service_labels(s);

			metric_count(out, service_counts[i].name, &labels,
			    service_counts[i].read(s->steering));
		}
	}
}

void
metrics_write_steering(struct evbuffer *out, const struct view *v)
{
	metric_family(out, "detour_panic_active", "gauge",
	    "1: health is doubted and ignored, in a region or in all (fail open).");
	each_service(out, v, service_panic);
	metric_family(out, "detour_service_fail_opens_total", "counter",
	    "Times no region was fit, so that health was ignored and all served; no failover.");
	each_service(out, v, service_fail_opens);
	metric_family(out, "detour_shed_ratio", "gauge",
	    "Part of the service's demand that fits in no region and is refused.");
	each_service(out, v, service_shed_ratio);
	metric_family(
	    out, "detour_self_suspect", "gauge", "1: our own view is stale, so nothing is moved.");
	each_service(out, v, service_self_suspect);
	write_service_counts(out, v);
	metric_family(out, "detour_region_state", "gauge", "1 for the state the region is in.");
	metrics_each_region(out, v, region_state, NULL);
	metric_family(
	    out, "detour_region_transitions_total", "counter", "Times the region entered a state.");
	metrics_each_region(out, v, region_entered, NULL);
	metric_family(out, "detour_region_target_share_ratio", "gauge",
	    "The share the region is on its way to.");
	metrics_each_region(out, v, region_target, NULL);
	metric_family(out, "detour_region_limit_requests_per_second", "gauge",
	    "Most tries per second the region is sent; absent without a capacity.");
	metrics_each_region(out, v, region_limit, NULL);
	metric_family(out, "detour_region_loss_shed_ratio", "gauge",
	    "Part of the service's demand that would find no place if the region were lost; 0: it can be lost.");
	metrics_each_region(out, v, region_loss, NULL);
}
