/* SPDX-License-Identifier: Apache-2.0 */
#include "prober.h"

#include <check.h>

#include "base/mem.h"
#include "base/slab.h"
#include "conf/topology.h"
#include "net/loop.h"

static void
on_result(struct probe *p, const struct probe_result *r, void *arg)
{
	struct prober *b = arg;

	ck_assert(!p->running);
	b->result = *r;
	b->results++;
	loop_stop(b->loop);
}

struct prober *
prober_new(uint16_t port, const struct world *like)
{
	struct prober *b = mem_new(sizeof *b);
	struct world w = *like;
	struct conf_endpoint *conf;

	if (w.regions[0].name == NULL)
		w.regions[0].name = "us-east-1";
	w.regions[0].ports[0] = port;
	b->loop = loop_new();
	b->topology = world_topology(&w);
	b->sites = sites_new(b->topology);
	b->site = sites_at(b->sites, 0, 0);
	conf = &b->topology->services[0].regions[0].endpoints[0];
	b->endpoint.url = conf->url;
	b->endpoint.host = conf->host;
	b->endpoint.tls = conf->tls;
	b->endpoint.addr = conf->addr.addr;
	b->endpoint.addr_len = conf->addr.len;
	probe_init(&b->probe, b->loop, &b->endpoint, on_result, b);
	return b;
}

void
prober_free(struct prober *b)
{
	probe_close(&b->probe);
	ck_assert_uint_eq(slab_in_use(b->loop->small), 0);
	ck_assert_uint_eq(slab_in_use(b->loop->large), 0);
	sites_free(b->sites);
	topology_unref(b->topology);
	loop_free(b->loop);
	mem_free(b);
}

const struct probe_result *
prober_once(struct prober *b)
{
	unsigned before = b->results;

	probe_start(&b->probe, b->site);
	ck_assert_uint_eq(b->results, before);
	loop_run(b->loop, NULL);
	ck_assert_uint_eq(b->results, before + 1);
	return &b->result;
}

struct world
prober_world(const struct conf_health_check *check)
{
	return (struct world){ .check = *check };
}
