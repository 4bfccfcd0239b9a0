/* SPDX-License-Identifier: Apache-2.0 */
#include "control/failovers.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "control/exposition.h"

enum { LABELS = 4 };

static const char *const label_names[LABELS] = { "service", "from", "to", "reason" };

struct failover {
	const char *labels[LABELS];
	uint64_t times;
};

struct failovers {
	struct arena *arena; /* of the labels */
	struct failover *list;
	unsigned count, room;
};

struct failovers *
failovers_new(void)
{
	struct failovers *f = mem_new(sizeof *f);

	f->arena = arena_new();
	return f;
}

void
failovers_free(struct failovers *f)
{
	if (f == NULL)
		return;
	mem_free(f->list);
	arena_free(f->arena);
	mem_free(f);
}

static struct failover *
find(const struct failovers *f, const char *const labels[LABELS])
{
	for (unsigned i = 0; i < f->count; i++) {
		unsigned same = 0;

		while (same < LABELS && strcmp(f->list[i].labels[same], labels[same]) == 0)
			same++;
		if (same == LABELS)
			return &f->list[i];
	}
	return NULL;
}

void
failovers_count(
    struct failovers *f, const char *service, const char *from, const char *to, const char *reason)
{
	const char *const labels[LABELS] = { service, from, to, reason };
	struct failover *known = find(f, labels);

	if (known != NULL) {
		known->times++;
		return;
	}
	if (f->count == f->room) {
		f->room = f->room > 0 ? 2 * f->room : 8;
		f->list = mem_resize(f->list, f->room * sizeof f->list[0]);
	}
	known = &f->list[f->count++];
	known->times = 1;
	for (unsigned i = 0; i < LABELS; i++)
		known->labels[i] = arena_strdup(f->arena, labels[i]);
}

void
failovers_write(struct evbuffer *out, const struct failovers *f)
{
	metric_family(out, "detour_failovers_total", "counter",
	    "Times a region with traffic was left, for the one that took most of it.");
	for (unsigned i = 0; i < f->count; i++) {
		struct metric_labels labels = { 0 };

		for (unsigned k = 0; k < LABELS; k++)
			labels.list[k] =
			    (struct metric_label){ label_names[k], f->list[i].labels[k] };
		metric_count(out, "detour_failovers_total", &labels, f->list[i].times);
	}
}
