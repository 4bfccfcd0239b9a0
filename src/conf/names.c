/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/names.h"

#include <string.h>

#include "base/mem.h"
#include "conf/nearest.h"

/* Open addressing, at most half full. */
struct names {
	struct name *slots; /* text NULL: free */
	size_t size;        /* a power of two */
	size_t count;
};

struct names *
names_new(void)
{
	struct names *n = mem_new(sizeof *n);

	n->size = 64;
	n->slots = mem_array(n->size, sizeof *n->slots);
	return n;
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	mem_free(n->slots);
	mem_free(n);
}

/* FNV-1a; the configuration is trusted, so nobody aims at collisions. */
static size_t
hash(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return (size_t)(h ^ (h >> 32));
}

/* The slot that holds text, or the free one where it belongs. */
static struct name *
slot_of(struct name *slots, size_t size, const char *text)
{
	size_t i = hash(text) & (size - 1);

	while (slots[i].text != NULL && strcmp(slots[i].text, text) != 0)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void
grow(struct names *n)
{
	struct name *larger = mem_array(n->size * 2, sizeof *larger);

	for (size_t i = 0; i < n->size; i++)
		if (n->slots[i].text != NULL)
			*slot_of(larger, n->size * 2, n->slots[i].text) = n->slots[i];
	mem_free(n->slots);
	n->slots = larger;
	n->size *= 2;
}

const struct name *
names_add(struct names *n, const char *text, const void *thing, struct conf_where where)
{
	struct name *slot;

	if (n->count * 2 >= n->size)
		grow(n);
	slot = slot_of(n->slots, n->size, text);
	if (slot->text != NULL)
		return slot;
	*slot = (struct name){ text, thing, where };
	n->count++;
	return NULL;
}

const struct name *
names_find(const struct names *n, const char *text)
{
	const struct name *slot = slot_of(n->slots, n->size, text);

	return slot->text == NULL ? NULL : slot;
}

const char *
names_nearest(const struct names *n, const char *text)
{
	struct nearest nearest = { .word = text };

	for (size_t i = 0; i < n->size; i++)
		if (n->slots[i].text != NULL)
			nearest_offer(&nearest, n->slots[i].text);
	return nearest.best;
}
