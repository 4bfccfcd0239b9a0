/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/steering.h"

#include <string.h>

#include "base/mem.h"
#include "steer/hash.h"

struct steering_registry {
	struct steering **slots; /* open addressing; size a power of two, at most half full */
	unsigned size;
	unsigned count;
};

struct steering_registry *
steering_registry_new(void)
{
	struct steering_registry *r = mem_new(sizeof *r);

	r->size = 64;
	r->slots = mem_array(r->size, sizeof(struct steering *));
	return r;
}

void
steering_registry_free(struct steering_registry *r)
{
	for (unsigned i = 0; i < r->size; i++)
		mem_free(r->slots[i]);
	mem_free(r->slots);
	mem_free(r);
}

/* The slot that holds this name, or the empty one where it belongs. */
static struct steering **
find_slot(const struct steering_registry *r, const char *service, const char *region)
{
	uint64_t hash = hash_bytes(service, strlen(service), 0);
	unsigned i = (unsigned)hash_bytes(region, strlen(region), hash) & (r->size - 1);

	while (r->slots[i] != NULL) {
		const struct steering *s = r->slots[i];

		if (strcmp(s->service, service) == 0 && strcmp(s->region, region) == 0)
			break;
		i = (i + 1) & (r->size - 1);
	}
	return &r->slots[i];
}

static void
grow(struct steering_registry *r)
{
	struct steering **old = r->slots;
	unsigned old_size = r->size;

	r->size *= 2;
	r->slots = mem_array(r->size, sizeof(struct steering *));
	for (unsigned i = 0; i < old_size; i++)
		if (old[i] != NULL)
			*find_slot(r, old[i]->service, old[i]->region) = old[i];
	mem_free(old);
}

/* On lines of its own: one region's words change without disturbing readers of another's. */
static struct steering *
steering_new(const char *service, const char *region)
{
	size_t service_size = strlen(service) + 1;
	size_t region_size = strlen(region) + 1;
	struct steering *s = mem_lines(sizeof *s + service_size + region_size);
	char *names = (char *)(s + 1);

	s->service = memcpy(names, service, service_size);
	s->region = memcpy(names + service_size, region, region_size);
	return s;
}

struct steering *
steering_registry_get(struct steering_registry *r, const char *service, const char *region)
{
	struct steering **slot = find_slot(r, service, region);

	if (*slot != NULL)
		return *slot;
	if (r->count >= r->size / 2) {
		grow(r);
		slot = find_slot(r, service, region);
	}
	r->count++;
	*slot = steering_new(service, region);
	return *slot;
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
