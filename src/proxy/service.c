// SPDX-License-Identifier: Apache-2.0
#include "proxy/service.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/hash.h"

struct services {
	unsigned worker;
	uint64_t loop_seed;
	struct service **all; /* every name ever seen, by service_steering.number; NULL: not here */
	unsigned count;
	struct service **now; /* by index in the table */
	unsigned now_count;
};

struct services *
services_new(unsigned worker, uint64_t loop_seed)
{
	struct services *all = mem_new(sizeof *all);

	all->worker = worker;
	all->loop_seed = loop_seed;
	return all;
}

static void
forget_balancer(struct service_region *r)
{
	if (r->balancer != NULL)
		balancer_free(r->balancer);
	r->balancer = NULL;
}

static void
forget_tls(struct service_region *r)
{
	if (r->tls != NULL)
		tls_client_free(r->tls);
	r->tls = NULL;
}

/* Sessions and verification contexts outlast a DNS answer, not a reload. */
static void
forget(struct service *s, bool and_tls)
{
	for (unsigned i = 0; i < s->all_count; i++) {
		forget_balancer(s->all[i]);
		if (and_tls)
			forget_tls(s->all[i]);
		s->all[i]->now = NULL;
	}
	mem_free(s->regions);
	s->regions = NULL;
	s->region_count = 0;
	if (and_tls)
		s->trust++;
	s->now = NULL;
}

static void
service_free(struct service *s)
{
	forget(s, true);
	for (unsigned i = 0; i < s->all_count; i++) {
		mem_free(s->all[i]->name);
		mem_free(s->all[i]);
	}
	mem_free(s->all);
	mem_free(s->name);
	mem_free(s);
}

void
services_free(struct services *all)
{
	for (unsigned i = 0; i < all->count; i++) {
		if (all->all[i] != NULL)
			service_free(all->all[i]);
	}
	mem_free(all->all);
	mem_free(all->now);
	mem_free(all);
}

static struct service *
service_new(const struct services *all, const char *name)
{
	struct service *s = mem_new(sizeof *s);

	s->name = mem_strdup(name);
	snprintf(s->loop_id, sizeof s->loop_id, "detour-%016" PRIx64,
	    hash_bytes(name, strlen(name), all->loop_seed));
	return s;
}

static struct service *
find_or_make(struct services *all, const struct service_steering *steering)
{
	unsigned count = all->count > 0 ? all->count : 16;

	while (count <= steering->number)
		count *= 2;
	if (count > all->count) {
		all->all = mem_resize(all->all, count * sizeof(struct service *));
		memset(all->all + all->count, 0, (count - all->count) * sizeof(struct service *));
		all->count = count;
	}
	if (all->all[steering->number] == NULL)
		all->all[steering->number] = service_new(all, steering->service);
	return all->all[steering->number];
}

static struct service_region *
find_or_make_region(struct service *s, const char *name, unsigned hint)
{
	struct service_region *r;

	if (hint < s->all_count && strcmp(s->all[hint]->name, name) == 0)
		return s->all[hint];
	for (unsigned i = 0; i < s->all_count; i++)
		if (strcmp(s->all[i]->name, name) == 0)
			return s->all[i];
	r = mem_new(sizeof *r);
	r->name = mem_strdup(name);
	list_init(&r->connecting);
	list_init(&r->sent);
	list_init(&r->arrived);
	list_init(&r->left);
	list_init(&r->lasting.list);
	s->all = mem_resize(s->all, (s->all_count + 1) * sizeof(struct service_region *));
	s->all[s->all_count++] = r;
	return r;
}

static void
adopt_service(struct service *s, const struct table_service *ts, unsigned worker)
{
	s->now = ts;
	s->region_count = ts->region_count;
	s->regions = mem_array(ts->region_count, sizeof(struct service_region *));
	if (s->counts == NULL)
		s->counts = service_steering_shard(ts->steering, worker);
	for (unsigned i = 0; i < ts->region_count; i++) {
		struct service_region *r = find_or_make_region(s, ts->regions[i].name, i);

		r->now = &ts->regions[i];
		if (r->counts == NULL) {
			r->steering = ts->regions[i].steering;
			r->counts = steering_shard(r->steering, worker);
		}
		s->regions[i] = r;
	}
}

void
services_adopt(struct services *all, const struct table *t)
{
	for (unsigned i = 0; i < all->count; i++) {
		if (all->all[i] != NULL)
			forget(all->all[i], all->all[i]->topology != t->topology);
	}
	mem_free(all->now);
	all->now = mem_array(t->service_count, sizeof(struct service *));
	all->now_count = t->service_count;
	for (unsigned i = 0; i < t->service_count; i++) {
		struct service *s = find_or_make(all, t->services[i].steering);

		adopt_service(s, &t->services[i], all->worker);
		s->topology = t->topology;
		all->now[i] = s;
	}
}

struct service *
services_at(struct services *all, unsigned index)
{
	return all->now[index];
}

unsigned
services_count(const struct services *all)
{
	return all->now_count;
}

struct balancer *
service_balancer(struct service *s, struct service_region *r, unsigned worker, struct rng *rng)
{
	if (r->balancer == NULL)
		r->balancer = balancer_new(s->now->conf->balance, r->now, worker, rng);
	return r->balancer;
}

struct tls_client *
service_tls(struct service *s, struct service_region *r)
{
	if (r->tls == NULL) {
		struct error e;

		r->tls = tls_client_new(&r->now->conf->tls, &e);
		/* The files were checked at load; what is left is a library that cannot. */
		if (r->tls == NULL)
			log_error("service %s, region %s: %s", s->name, r->name, e.text);
	}
	return r->tls;
}

/*
 * A median that follows: each sample moves it by a small part towards itself, however far away it
 * lies, so half of them must lie on either side where it stands still.
 */
void
service_region_learn(struct service_region *r, uint64_t first_byte_us)
{
	uint32_t us = first_byte_us < UINT32_MAX ? (uint32_t)first_byte_us : UINT32_MAX;
	uint32_t step = r->median_us / 32 + 1;

	if (r->median_us == 0)
		r->median_us = us > 0 ? us : 1;
	else if (us > r->median_us)
		r->median_us += us - r->median_us < step ? us - r->median_us : step;
	else if (us < r->median_us)
		r->median_us -= r->median_us - us < step ? r->median_us - us : step;
}

enum region_state
service_region_state(const struct service_region *r)
{
	return (enum region_state)atomic_load_explicit(&r->steering->state, memory_order_relaxed);
}

bool
service_region_has_share(const struct service_region *r)
{
	return atomic_load_explicit(&r->steering->share, memory_order_relaxed) > 0;
}
