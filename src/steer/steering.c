/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/steering.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/hash.h"

/*
 * By name; region "" is the service as a whole, service "" the region as a whole. Open addressing,
 * at most half full.
 */
struct slot {
	const char *service; /* NULL: empty */
	const char *region;
	void *thing; /* owned */
};

struct steering_registry {
	unsigned workers;
	struct slot *slots;
	unsigned size; /* a power of two */
	unsigned count;
	unsigned services;
};

struct steering_registry *
steering_registry_new(unsigned workers)
{
	struct steering_registry *r = mem_new(sizeof *r);

	r->workers = workers;
	r->size = 64;
	r->slots = mem_array(r->size, sizeof r->slots[0]);
	return r;
}

static void
free_steering(struct steering *s)
{
	for (unsigned i = 0; i < s->workers; i++)
		mem_free(atomic_load_explicit(&s->shards[i], memory_order_acquire));
	mem_free(s);
}

static void
free_service(struct service_steering *s)
{
	for (unsigned i = 0; i < s->workers; i++)
		mem_free(atomic_load_explicit(&s->shards[i], memory_order_acquire));
	mem_free(s);
}

void
steering_registry_free(struct steering_registry *r)
{
	for (unsigned i = 0; i < r->size; i++) {
		const struct slot *slot = &r->slots[i];

		if (slot->service == NULL)
			continue;
		if (slot->service[0] == '\0')
			mem_free(slot->thing);
		else if (slot->region[0] != '\0')
			free_steering(slot->thing);
		else
			free_service(slot->thing);
	}
	mem_free(r->slots);
	mem_free(r);
}

/* The slot that holds this name, or the empty one where it belongs. */
static struct slot *
find_slot(const struct steering_registry *r, const char *service, const char *region)
{
	uint64_t hash = hash_bytes(service, strlen(service), 0);
	unsigned i = (unsigned)hash_bytes(region, strlen(region), hash) & (r->size - 1);

	while (r->slots[i].service != NULL) {
		if (strcmp(r->slots[i].service, service) == 0 &&
		    strcmp(r->slots[i].region, region) == 0)
			break;
		i = (i + 1) & (r->size - 1);
	}
	return &r->slots[i];
}

static void
grow(struct steering_registry *r)
{
	struct slot *old = r->slots;
	unsigned old_size = r->size;

	r->size *= 2;
	r->slots = mem_array(r->size, sizeof r->slots[0]);
	for (unsigned i = 0; i < old_size; i++)
		if (old[i].service != NULL)
			*find_slot(r, old[i].service, old[i].region) = old[i];
	mem_free(old);
}

/* On lines of its own: one region's words change without disturbing readers of another's. */
static struct steering *
steering_new(
    const char *service, const char *region, struct admission *common, unsigned workers)
{
	size_t service_size = strlen(service) + 1;
	size_t region_size = strlen(region) + 1;
	struct steering *s = mem_lines(
	    sizeof *s + workers * sizeof s->shards[0] + service_size + region_size);
	char *names = (char *)s + sizeof *s + workers * sizeof s->shards[0];

	s->workers = workers;
	s->common = common;
	s->service = memcpy(names, service, service_size);
	s->region = memcpy(names + service_size, region, region_size);
	return s;
}

static struct service_steering *
service_steering_new(const char *service, unsigned workers)
{
	size_t service_size = strlen(service) + 1;
	struct service_steering *s =
	    mem_lines(sizeof *s + workers * sizeof s->shards[0] + service_size);

	s->workers = workers;
	s->service = memcpy(
	    (char *)s + sizeof *s + workers * sizeof s->shards[0], service, service_size);
	return s;
}

/* The slot for a name that may be new: there is room for it. */
static struct slot *
get_slot(struct steering_registry *r, const char *service, const char *region)
{
	struct slot *slot = find_slot(r, service, region);

	if (slot->service != NULL)
		return slot;
	if (r->count >= r->size / 2) {
		grow(r);
		slot = find_slot(r, service, region);
	}
	r->count++;
	return slot;
}

/* The name lies behind it. */
struct admission *
steering_registry_region(struct steering_registry *r, const char *region)
{
	struct slot *slot = get_slot(r, "", region);

	if (slot->service == NULL) {
		size_t size = strlen(region) + 1;
		struct admission *made = mem_lines(sizeof *made + size);

		*slot = (struct slot){ "", memcpy(made + 1, region, size), made };
	}
	return slot->thing;
}

struct steering *
steering_registry_get(struct steering_registry *r, const char *service, const char *region)
{
	struct admission *common = steering_registry_region(r, region);
	struct slot *slot = get_slot(r, service, region);

	if (slot->service == NULL) {
		struct steering *made = steering_new(service, region, common, r->workers);

		*slot = (struct slot){ made->service, made->region, made };
	}
	return slot->thing;
}

struct service_steering *
steering_registry_service(struct steering_registry *r, const char *service)
{
	struct slot *slot = get_slot(r, service, "");

	if (slot->service == NULL) {
		struct service_steering *made = service_steering_new(service, r->workers);

		made->number = r->services++;
		*slot = (struct slot){ made->service, "", made };
	}
	return slot->thing;
}

struct region_shard *
steering_shard(struct steering *s, unsigned worker)
{
	struct region_shard *shard;

	assert(worker < s->workers);
	/* Relaxed is enough to read: only this worker ever writes its slot. */
	shard = atomic_load_explicit(&s->shards[worker], memory_order_relaxed);
	if (shard == NULL) {
		shard = mem_lines(sizeof *shard);
		atomic_store_explicit(&s->shards[worker], shard, memory_order_release);
	}
	return shard;
}

struct service_shard *
service_steering_shard(struct service_steering *s, unsigned worker)
{
	struct service_shard *shard;

	assert(worker < s->workers);
	shard = atomic_load_explicit(&s->shards[worker], memory_order_relaxed);
	if (shard == NULL) {
		shard = mem_lines(sizeof *shard);
		atomic_store_explicit(&s->shards[worker], shard, memory_order_release);
	}
	return shard;
}

void
steering_changed(struct steering *s, unsigned usable)
{
	atomic_store_explicit(&s->usable, usable, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->generation, 1, memory_order_release);
}

bool
steering_set_shares(struct steering *const *regions, const uint32_t *shares, unsigned count)
{
	bool changed = false;

	for (unsigned i = 0; i < count; i++) {
		if (shares[i] <= atomic_load_explicit(&regions[i]->share, memory_order_relaxed))
			continue;
		atomic_store_explicit(&regions[i]->share, shares[i], memory_order_relaxed);
		changed = true;
	}
	for (unsigned i = 0; i < count; i++) {
		if (shares[i] == atomic_load_explicit(&regions[i]->share, memory_order_relaxed))
			continue;
		/* Release: who sees the loss can see the gains. */
		atomic_store_explicit(&regions[i]->share, shares[i], memory_order_release);
		changed = true;
	}
	return changed;
}
