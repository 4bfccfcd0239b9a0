/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/mem.h"
#include "control/director.h"
#include "proxy/worker.h"
#include "steer/share.h"

static struct conf_status_range success = { 200, 399 };

const struct conf_health_check world_check = {
	.type = CHECK_HTTP,
	.path = "/healthz",
	.method = "GET",
	.expect_status = &success,
	.expect_status_count = 1,
	.interval_ms = 100,
	.fast_interval_ms = 20,
	.timeout_ms = 1000,
	.fall = 3,
	.rise = 2,
	.jitter_pct = 10,
	.reuse = true,
};

/* The defaults, but for times: no test has a minute. */
static const struct conf_failover world_failover = {
	.overprovisioning = 1.4,
	.panic_threshold = 0.5,
	.max_utilization = 0.85,
	.min_healthy = 0.25,
	.sensor_share = 0.05,
	.hold_down_ms = 200,
	.ramp_ms = 200,
	.warm_up_ms = 200,
};

static const struct conf_outlier world_outlier = {
	.consecutive = 3,
	.failure_share = 0.5,
	.base_ms = 30000,
	.max_ms = 300000,
	.max_ejected = 0.5,
	.slow_start_ms = 200,
};

const struct conf_health_check world_no_check = { .type = CHECK_NONE };

static void
fill_endpoint(struct arena *a, struct conf_endpoint *e, const struct world_region *r, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&e->addr.addr;
	const char *host = r->dns != NULL ? r->dns : "127.0.0.1";

	e->url = arena_printf(a, "%s://%s:%u", r->tls ? "https" : "http", host, port);
	e->tls = r->tls;
	e->host = arena_strdup(a, host);
	e->port = port;
	e->weight = 1;
	e->literal = r->dns == NULL;
	if (!e->literal)
		return;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	e->addr.len = sizeof *in;
	e->addr.text = arena_printf(a, "127.0.0.1:%u", port);
}

static void
fill_region(struct arena *a, struct conf_service_region *c, const struct world_region *r)
{
	while (c->endpoint_count < WORLD_ENDPOINTS && r->ports[c->endpoint_count] != 0)
		c->endpoint_count++;
	c->tier = r->tier;
	c->weight = r->weight != 0 ? r->weight : 100;
	c->host = r->host;
	c->tls = r->trust;
	c->endpoints = arena_array(a, c->endpoint_count, sizeof *c->endpoints);
	for (unsigned i = 0; i < c->endpoint_count; i++)
		fill_endpoint(a, &c->endpoints[i], r, r->ports[i]);
}

struct topology *
world_topology(const struct world *w)
{
	struct arena *a = arena_new();
	struct topology *t = arena_take(a, sizeof *t);
	struct conf_service *s = arena_take(a, sizeof *s);

	while (t->region_count < WORLD_REGIONS && w->regions[t->region_count].name != NULL)
		t->region_count++;
	t->arena = a;
	atomic_init(&t->refs, 1);
	t->resolver = (struct conf_resolver){
		.timeout_ms = 200, .min_ttl_ms = 1000, .max_ttl_ms = 300000, .max_addresses = 64
	};
	t->regions = arena_array(a, t->region_count, sizeof *t->regions);
	t->services = s;
	t->service_count = 1;
	s->name = "shop";
	s->check = w->check;
	s->failover = world_failover;
	s->outlier = world_outlier;
	s->regions = arena_array(a, t->region_count, sizeof *s->regions);
	s->region_count = t->region_count;
	for (unsigned i = 0; i < t->region_count; i++) {
		t->regions[i].name = arena_strdup(a, w->regions[i].name);
		t->regions[i].provider = "";
		t->regions[i].index = i;
		s->regions[i].region = &t->regions[i];
		fill_region(a, &s->regions[i], &w->regions[i]);
	}
	return t;
}

struct endpoint *
world_endpoint(const struct table *t, unsigned region, unsigned n)
{
	return t->services[0].regions[region].endpoints[n];
}

void
world_count(struct endpoint *e, enum fault why)
{
	struct endpoint_shard *s;

	if (e->workers == 0)
		return;
	s = endpoint_shard(e, 0);
	endpoint_shard_failed(s, why);
	endpoint_shard_release(s);
}

void
world_report(struct director *d, struct endpoint *e, enum fault why)
{
	world_count(e, why);
	director_urgent(d, &(struct urgent){ e->id, why, 1, why == FAULT_CONNECT_REFUSED, false });
}

enum fault
world_dying(unsigned i)
{
	return i < 2 ? FAULT_RESET : FAULT_CONNECT_REFUSED;
}

enum endpoint_state
world_state(const struct endpoint *e)
{
	return endpoint_word_state(atomic_load_explicit(&e->word, memory_order_relaxed));
}

enum endpoint_reason
world_reason(const struct endpoint *e)
{
	return (enum endpoint_reason)atomic_load_explicit(&e->reason, memory_order_relaxed);
}

unsigned
world_share(const struct table *t, unsigned region)
{
	const struct steering *s = t->services[0].regions[region].steering;

	return atomic_load_explicit(&s->share, memory_order_relaxed) * 100 / SHARE_WHOLE;
}

struct worker {
	_Atomic(struct table *) slot;
	struct table *held;
	atomic_uint pressure;
};

struct worker *
world_worker(void)
{
	return mem_new(sizeof(struct worker));
}

void
worker_publish(struct worker *w, struct table *t)
{
	struct table *displaced = atomic_exchange(&w->slot, t);

	if (displaced != NULL)
		table_release(displaced);
}

void
worker_press(struct worker *w, enum pressure pressure)
{
	atomic_store(&w->pressure, pressure);
}

enum pressure
world_worker_pressure(const struct worker *w)
{
	return atomic_load(&w->pressure);
}

const struct table *
world_worker_table(struct worker *w)
{
	struct table *newest = atomic_exchange(&w->slot, NULL);

	if (newest == NULL)
		return w->held;
	if (w->held != NULL)
		table_release(w->held);
	w->held = newest;
	return newest;
}

void
world_worker_free(struct worker *w)
{
	(void)world_worker_table(w);
	if (w->held != NULL)
		table_release(w->held);
	mem_free(w);
}

void
world_pause(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}
