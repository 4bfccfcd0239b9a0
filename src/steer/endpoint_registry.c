/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "endpoint_private.h"
#include "base/hash.h"

/* A hash table of ids (plus one; 0 is empty): open addressing, at most half full. */
struct endpoint_registry {
	unsigned workers;
	uint32_t *slots;
	uint32_t slot_count; /* a power of two */

	struct endpoint **by_id; /* NULL: the id is free */
	uint32_t id_count; /* ids ever given out */
	uint32_t id_room;
	uint32_t *free_ids; /* a stack, as roomy as by_id */
	uint32_t free_count;
};

struct endpoint_registry *
endpoint_registry_new(unsigned workers)
{
	struct endpoint_registry *r = mem_new(sizeof *r);

	r->workers = workers;
	r->slot_count = 64;
	r->slots = mem_array(r->slot_count, sizeof r->slots[0]);
	r->id_room = r->slot_count / 2;
	r->by_id = mem_array(r->id_room, sizeof(struct endpoint *));
	r->free_ids = mem_array(r->id_room, sizeof r->free_ids[0]);
	return r;
}

void
endpoint_registry_free(struct endpoint_registry *r)
{
	for (uint32_t id = 0; id < r->id_count; id++) {
		if (r->by_id[id] == NULL)
			continue;
		assert(atomic_load_explicit(&r->by_id[id]->refs, memory_order_acquire) == 0);
		endpoint_free(r->by_id[id]);
	}
	mem_free(r->slots);
	mem_free(r->by_id);
	mem_free(r->free_ids);
	mem_free(r);
}

/* Address and port only: what else a sockaddr holds may differ between two spellings of one. */
static uint64_t
hash_address(const struct sockaddr *addr, uint64_t seed)
{
	if (addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)addr;

		seed = hash_bytes(&in6->sin6_addr, sizeof in6->sin6_addr, seed);
		return hash_bytes(&in6->sin6_port, sizeof in6->sin6_port, seed);
	}
	const struct sockaddr_in *in = (const void *)addr;

	seed = hash_bytes(&in->sin_addr, sizeof in->sin_addr, seed);
	return hash_bytes(&in->sin_port, sizeof in->sin_port, seed);
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *a6 = (const void *)a;
		const struct sockaddr_in6 *b6 = (const void *)b;

		return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0 &&
		    a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id;
	}
	const struct sockaddr_in *a4 = (const void *)a;
	const struct sockaddr_in *b4 = (const void *)b;

	return a4->sin_addr.s_addr == b4->sin_addr.s_addr && a4->sin_port == b4->sin_port;
}

static uint64_t
hash_identity(const struct endpoint_identity *id)
{
	uint64_t hash = hash_bytes(id->service, strlen(id->service), id->tls);

	hash = hash_bytes(id->region, strlen(id->region), hash);
	hash = hash_bytes(id->host, strlen(id->host), hash);
	return hash_address(id->addr, hash);
}

static bool
has_identity(const struct endpoint *e, const struct endpoint_identity *id)
{
	return e->tls == id->tls && e->raw == id->raw &&
	    same_address((const struct sockaddr *)&e->addr, id->addr) &&
	    strcmp(e->host, id->host) == 0 && strcmp(e->service, id->service) == 0 &&
	    strcmp(e->region, id->region) == 0;
}

/* The slot that holds this identity, or the empty one where it belongs. */
static uint32_t *
find_slot(const struct endpoint_registry *r, const struct endpoint_identity *id)
{
	uint32_t i = (uint32_t)hash_identity(id) & (r->slot_count - 1);

	while (r->slots[i] != 0 && !has_identity(r->by_id[r->slots[i] - 1], id))
		i = (i + 1) & (r->slot_count - 1);
	return &r->slots[i];
}

/* Makes the hash table anew from what by_id holds. */
static void
fill_slots(struct endpoint_registry *r, uint32_t slot_count)
{
	mem_free(r->slots);
	r->slot_count = slot_count;
	r->slots = mem_array(slot_count, sizeof r->slots[0]);
	for (uint32_t id = 0; id < r->id_count; id++) {
		const struct endpoint *e = r->by_id[id];
		struct endpoint_identity identity;

		if (e == NULL)
			continue;
		identity = (struct endpoint_identity){
			.service = e->service,
			.region = e->region,
			.host = e->host,
			.tls = e->tls,
			.raw = e->raw,
			.addr = (const struct sockaddr *)&e->addr,
			.addr_len = e->addr_len,
		};
		*find_slot(r, &identity) = id + 1;
	}
}

static uint32_t
take_id(struct endpoint_registry *r)
{
	if (r->free_count > 0)
		return r->free_ids[--r->free_count];
	assert(r->id_count < r->id_room);
	return r->id_count++;
}

static void
grow(struct endpoint_registry *r)
{
	fill_slots(r, r->slot_count * 2);
	r->id_room = r->slot_count / 2;
	r->by_id = mem_resize(r->by_id, r->id_room * sizeof(struct endpoint *));
	r->free_ids = mem_resize(r->free_ids, r->id_room * sizeof r->free_ids[0]);
}

struct endpoint *
endpoint_registry_get(struct endpoint_registry *r, const struct endpoint_identity *identity)
{
	uint32_t *slot = find_slot(r, identity);
	struct endpoint *e;
	uint32_t id;

	if (*slot != 0) {
		e = r->by_id[*slot - 1];
		endpoint_ref(e);
		return e;
	}
	if (r->free_count == 0 && r->id_count == r->id_room) {
		grow(r);
		slot = find_slot(r, identity);
	}
	id = take_id(r);
	e = endpoint_new(identity, id, r->workers);
	r->by_id[id] = e;
	*slot = id + 1;
	endpoint_ref(e);
	return e;
}

struct endpoint *
endpoint_registry_find(const struct endpoint_registry *r, uint32_t id)
{
	return id < r->id_count ? r->by_id[id] : NULL;
}

unsigned
endpoint_registry_count(const struct endpoint_registry *r)
{
	return r->id_count - r->free_count;
}

void
endpoint_registry_sweep(struct endpoint_registry *r)
{
	uint32_t free_before = r->free_count;

	for (uint32_t id = 0; id < r->id_count; id++) {
		struct endpoint *e = r->by_id[id];

		if (e == NULL)
			continue;
		/*
		 * Nobody can take a new reference from none: only control finds endpoints by
		 * name, and a worker only through a table that holds one.
		 */
		if (atomic_load_explicit(&e->refs, memory_order_acquire) > 0)
			continue;
		endpoint_free(e);
		r->by_id[id] = NULL;
		r->free_ids[r->free_count++] = id;
	}
	if (r->free_count != free_before)
		fill_slots(r, r->slot_count);
}
