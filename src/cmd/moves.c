/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/moves.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Moves of one region of one service that have not ended yet; texts are borrowed from the facts. */
struct run {
	const char *service, *region, *signal;
	json_t *told; /* in the new array */
	double from, to;
	unsigned steps;
};

struct runs {
	struct run *list;
	size_t count;
};

static const char *
text_of(const json_t *fact, const char *key)
{
	const char *text = json_string_value(json_object_get(fact, key));

	return text != NULL ? text : "";
}

static double
number_of(const json_t *fact, const char *key)
{
	return json_number_value(json_object_get(json_object_get(fact, "numbers"), key));
}

static struct run *
find(struct runs *r, const json_t *fact)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->list[i].service, text_of(fact, "service")) == 0 &&
		    strcmp(r->list[i].region, text_of(fact, "region")) == 0)
			return &r->list[i];
	return NULL;
}

static bool
goes_on(const struct run *run, const json_t *fact)
{
	double to = number_of(fact, "to");

	return strcmp(run->signal, text_of(fact, "signal")) == 0 &&
	    (run->to > run->from) == (to > run->to);
}

static void
extend(struct run *run, const json_t *fact)
{
	char text[160];

	run->to = number_of(fact, "to");
	run->steps++;
	snprintf(text, sizeof text, "share moved (from %.3g %%, to %.3g %%, in %u steps until %s)",
	    run->from * 100, run->to < 1e-6 ? 0 : run->to * 100, run->steps, text_of(fact, "time"));
	json_object_set_new(run->told, "text", json_string(text));
}

static void
begin(struct runs *r, struct run *run, const json_t *fact, json_t *told)
{
	if (run == NULL) {
		r->list = mem_resize(r->list, (r->count + 1) * sizeof r->list[0]);
		run = &r->list[r->count++];
	}
	*run = (struct run){ text_of(fact, "service"), text_of(fact, "region"),
		text_of(fact, "signal"), told, number_of(fact, "from"), number_of(fact, "to"), 1 };
}

/* Something else happened: what moves from now on may do so because of it. service "": of all. */
static void
end_runs(struct runs *r, const char *service)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++)
		if (service[0] != '\0' && strcmp(r->list[i].service, service) != 0)
			r->list[kept++] = r->list[i];
	r->count = kept;
}

json_t *
moves_fold(const json_t *facts)
{
	json_t *folded = json_array();
	struct runs runs = { .count = 0 };

	for (size_t i = 0; i < json_array_size(facts); i++) {
		json_t *fact = json_array_get(facts, i), *told;
		bool moves = strcmp(text_of(fact, "kind"), "shares_moved") == 0;
		struct run *run = moves ? find(&runs, fact) : NULL;

		if (run != NULL && goes_on(run, fact)) {
			extend(run, fact);
			continue;
		}
		told = json_copy(fact);
		json_array_append_new(folded, told);
		if (moves)
			begin(&runs, run, fact, told);
		else
			end_runs(&runs, text_of(fact, "service"));
	}
	mem_free(runs.list);
	return folded;
}
