/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dns_names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/topology.h"
#include "control/state.h"
#include "net/resolver.h"

struct dns_names {
	struct topology *topology;
	struct resolver *resolver;
	/* by service, the place of its first endpoint in by_endpoint */
	unsigned *first;
	struct resolver_name **by_endpoint; /* NULL: a literal address */
	unsigned endpoint_count;
	struct resolver_name **unique; /* sorted by text */
	unsigned unique_count;
	struct sockaddr_storage *answer; /* of the last dns_names_resolve() */
	unsigned answer_room;
};

static unsigned
count_endpoints(const struct topology *t)
{
	unsigned n = 0;

	for (unsigned s = 0; s < t->service_count; s++) {
		for (unsigned r = 0; r < t->services[s].region_count; r++)
			n += t->services[s].regions[r].endpoint_count;
	}
	return n;
}

static int
compare(const void *a, const void *b)
{
	const struct resolver_name *const *x = a;
	const struct resolver_name *const *y = b;

	return strcmp(resolver_name_text(*x), resolver_name_text(*y));
}

static void
list_unique(struct dns_names *n)
{
	unsigned kept = 0;

	n->unique = mem_array(n->endpoint_count, sizeof(struct resolver_name *));
	for (unsigned i = 0; i < n->endpoint_count; i++) {
		if (n->by_endpoint[i] != NULL)
			n->unique[n->unique_count++] = n->by_endpoint[i];
	}
	qsort(n->unique, n->unique_count, sizeof(struct resolver_name *), compare);
	for (unsigned i = 0; i < n->unique_count; i++) {
		if (kept == 0 || n->unique[kept - 1] != n->unique[i])
			n->unique[kept++] = n->unique[i];
	}
	n->unique_count = kept;
}

struct dns_names *
dns_names_new(struct resolver *resolver, struct topology *t)
{
	struct dns_names *n = mem_new(sizeof *n);
	unsigned at = 0;

	topology_ref(t);
	n->topology = t;
	n->resolver = resolver;
	n->endpoint_count = count_endpoints(t);
	n->first = mem_array(t->service_count, sizeof *n->first);
	n->by_endpoint = mem_array(n->endpoint_count, sizeof(struct resolver_name *));
	for (unsigned s = 0; s < t->service_count; s++) {
		n->first[s] = at;
		for (unsigned r = 0; r < t->services[s].region_count; r++) {
			const struct conf_service_region *region = &t->services[s].regions[r];

			for (unsigned e = 0; e < region->endpoint_count; e++, at++) {
				const struct conf_endpoint *conf = &region->endpoints[e];

				if (!conf->literal)
					n->by_endpoint[at] = resolver_watch(resolver, conf->host);
			}
		}
	}
	list_unique(n);
	return n;
}

void
dns_names_free(struct dns_names *n)
{
	if (n == NULL)
		return;
	for (unsigned i = 0; i < n->endpoint_count; i++) {
		if (n->by_endpoint[i] != NULL)
			resolver_unwatch(n->resolver, n->by_endpoint[i]);
	}
	mem_free(n->answer);
	mem_free(n->unique);
	mem_free(n->by_endpoint);
	mem_free(n->first);
	topology_unref(n->topology);
	mem_free(n);
}

static void
seed(struct resolver_name *name, const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		resolver_seed(name, (const struct sockaddr *)&in);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		resolver_seed(name, (const struct sockaddr *)&in6);
}

void
dns_names_seed(struct dns_names *n, const struct state *state)
{
	for (unsigned i = 0; i < n->unique_count; i++) {
		const struct state_name *known =
		    state_find_name(state, resolver_name_text(n->unique[i]));

		for (unsigned a = 0; known != NULL && a < known->address_count; a++)
			seed(n->unique[i], known->addresses[a]);
	}
}

static void
save(const struct resolver_name *name, struct state *state)
{
	const struct sockaddr_storage *list;
	const socklen_t *lens;
	unsigned count = resolver_addresses(name, &list, &lens);
	char(*texts)[INET6_ADDRSTRLEN] = mem_array(count, sizeof *texts);
	const char **addresses = mem_array(count, sizeof *addresses);

	for (unsigned i = 0; i < count; i++) {
		const struct sockaddr_in *in = (const void *)&list[i];
		const struct sockaddr_in6 *in6 = (const void *)&list[i];
		const void *bytes = list[i].ss_family == AF_INET6 ? (const void *)&in6->sin6_addr
								  : (const void *)&in->sin_addr;

		addresses[i] =
		    inet_ntop(list[i].ss_family, bytes, texts[i], (socklen_t)sizeof texts[i]);
	}
	state_add_name(state, resolver_name_text(name), addresses, count);
	mem_free(addresses);
	mem_free(texts);
}

void
dns_names_save(const struct dns_names *n, struct state *state)
{
	const struct sockaddr_storage *list;
	const socklen_t *lens;

	for (unsigned i = 0; i < n->unique_count; i++) {
		if (resolver_addresses(n->unique[i], &list, &lens) > 0)
			save(n->unique[i], state);
	}
}

bool
dns_names_settled(const struct dns_names *n)
{
	for (unsigned i = 0; i < n->unique_count; i++) {
		if (!resolver_settled(n->unique[i]))
			return false;
	}
	return true;
}

bool
dns_names_known(const struct dns_names *n)
{
	const struct sockaddr_storage *list;
	const socklen_t *lens;

	for (unsigned i = 0; i < n->unique_count; i++) {
		if (resolver_addresses(n->unique[i], &list, &lens) == 0)
			return false;
	}
	return true;
}

unsigned
dns_names_failing(const struct dns_names *n)
{
	unsigned failing = 0;

	for (unsigned i = 0; i < n->unique_count; i++) {
		const char *failure = NULL;

		(void)resolver_stale_ms(n->unique[i], &failure);
		failing += failure != NULL;
	}
	return failing;
}

static int
compare_text(const void *text, const void *entry)
{
	const struct resolver_name *const *name = entry;

	return strcmp(text, resolver_name_text(*name));
}

void
dns_names_hurry(const struct dns_names *n, const char *host)
{
	struct resolver_name **found =
	    bsearch(host, n->unique, n->unique_count, sizeof(struct resolver_name *), compare_text);

	if (found != NULL)
		resolver_hurry(*found);
}

static void
set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)a)->sin_port = htons(port);
	if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)a)->sin6_port = htons(port);
}

/* DNS knows addresses; the port is the endpoint's. */
struct table_addresses
dns_names_resolve(void *arg, const struct conf_service *service,
    const struct conf_service_region *region, unsigned endpoint)
{
	struct dns_names *n = arg;
	unsigned at = n->first[service->index] + endpoint;
	const struct sockaddr_storage *list;
	struct table_addresses found;

	for (const struct conf_service_region *r = service->regions; r != region; r++)
		at += r->endpoint_count;
	found.count = resolver_addresses(n->by_endpoint[at], &list, &found.lens);
	if (found.count > n->answer_room) {
		n->answer_room = found.count;
		n->answer = mem_resize(n->answer, found.count * sizeof *n->answer);
	}
	for (unsigned i = 0; i < found.count; i++) {
		n->answer[i] = list[i];
		set_port(&n->answer[i], region->endpoints[endpoint].port);
	}
	found.list = n->answer;
	return found;
}
