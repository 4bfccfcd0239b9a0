// SPDX-License-Identifier: Apache-2.0
#include "proxy/service.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

struct services {
	struct service **all; /* every name ever seen */
	unsigned count;
	struct service **now; /* by index in the table */
	unsigned now_count;
};

struct services *
services_new(void)
{
	return mem_new(sizeof(struct services));
}

static void
forget(struct service *s)
{
	assert(s->region_count == 0 || (s->balancers != NULL && s->tls != NULL));
	for (unsigned i = 0; i < s->region_count; i++) {
		if (s->balancers[i] != NULL)
			balancer_free(s->balancers[i]);
		if (s->tls[i] != NULL)
			tls_client_free(s->tls[i]);
	}
	mem_free(s->balancers);
	mem_free(s->tls);
	s->balancers = NULL;
	s->tls = NULL;
	s->region_count = 0;
	s->trust++;
	s->now = NULL;
}

void
services_free(struct services *all)
{
	for (unsigned i = 0; i < all->count; i++) {
		forget(all->all[i]);
		mem_free(all->all[i]->name);
		mem_free(all->all[i]);
	}
	mem_free(all->all);
	mem_free(all->now);
	mem_free(all);
}

/* Only at adoption, and mostly at the same place as before. */
static struct service *
find_or_make(struct services *all, const char *name, unsigned hint)
{
	struct service *s;

	if (hint < all->count && strcmp(all->all[hint]->name, name) == 0)
		return all->all[hint];
	for (unsigned i = 0; i < all->count; i++)
		if (strcmp(all->all[i]->name, name) == 0)
			return all->all[i];
	s = mem_new(sizeof *s);
	s->name = mem_strdup(name);
	all->all = mem_resize(all->all, (all->count + 1) * sizeof(struct service *));
	all->all[all->count++] = s;
	return s;
}

void
services_adopt(struct services *all, const struct table *t)
{
	for (unsigned i = 0; i < all->count; i++) {
		struct service *s = all->all[i];

		/* Sessions and verification contexts outlast a DNS answer, not a reload. */
		if (s->topology == t->topology && s->tls != NULL) {
			for (unsigned r = 0; r < s->region_count; r++) {
				if (s->balancers[r] != NULL)
					balancer_free(s->balancers[r]);
				s->balancers[r] = NULL;
			}
			s->now = NULL;
		} else {
			forget(s);
		}
	}
	mem_free(all->now);
	all->now = mem_array(t->service_count, sizeof(struct service *));
	all->now_count = t->service_count;
	for (unsigned i = 0; i < t->service_count; i++) {
		const struct table_service *ts = &t->services[i];
		struct service *s = find_or_make(all, ts->conf->name, i);

		s->now = ts;
		s->topology = t->topology;
		if (s->balancers == NULL) {
			s->region_count = ts->region_count;
			s->balancers = mem_array(ts->region_count, sizeof(struct balancer *));
			s->tls = mem_array(ts->region_count, sizeof(struct tls_client *));
		}
		all->now[i] = s;
	}
}

struct service *
services_at(struct services *all, unsigned index)
{
	return all->now[index];
}

struct balancer *
service_balancer(struct service *s, unsigned region, unsigned worker, struct rng *rng)
{
	if (s->balancers[region] == NULL)
		s->balancers[region] =
		    balancer_new(s->now->conf->balance, &s->now->regions[region], worker, rng);
	return s->balancers[region];
}

struct tls_client *
service_tls(struct service *s, unsigned region)
{
	if (s->tls[region] == NULL) {
		struct error e;

		s->tls[region] = tls_client_new(&s->now->regions[region].conf->tls, &e);
		/* The files were checked at load; what is left is a library that cannot. */
		if (s->tls[region] == NULL)
			log_error("service %s, region %s: %s", s->name,
			    s->now->regions[region].name, e.text);
	}
	return s->tls[region];
}
