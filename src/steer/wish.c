/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/wish.h"

#include <string.h>

static const char *const words[] = {
	[WISH_EVACUATE] = "evacuate",
	[WISH_FREEZE] = "freeze",
	[WISH_PIN] = "pin",
};

const char *
wish_word(enum wish_kind kind)
{
	return words[kind];
}

bool
wish_parse(const char *word, enum wish_kind *kind)
{
	for (int i = WISH_EVACUATE; i <= WISH_PIN; i++) {
		if (strcmp(word, words[i]) == 0) {
			*kind = (enum wish_kind)i;
			return true;
		}
	}
	return false;
}

static const struct wish *
find(const struct wishes *w, enum wish_kind kind, const char *service, const char *region)
{
	for (unsigned i = 0; i < w->count; i++) {
		const struct wish *wish = &w->list[i];

		if (wish->kind == kind && strcmp(wish->service, service) == 0 &&
		    strcmp(wish->region, region) == 0)
			return wish;
	}
	return NULL;
}

const struct wish *
wishes_evacuation(const struct wishes *w, const char *region)
{
	return find(w, WISH_EVACUATE, "", region);
}

const struct wish *
wishes_freeze(const struct wishes *w, const char *service)
{
	const struct wish *own = find(w, WISH_FREEZE, service, "");

	return own != NULL ? own : find(w, WISH_FREEZE, "", "");
}

const struct wish *
wishes_pin(const struct wishes *w, const char *service, const char *region)
{
	const struct wish *own = find(w, WISH_PIN, service, region);

	return own != NULL ? own : find(w, WISH_PIN, "", region);
}

/* The fields that a kind does not have are empty, whatever was given: they name the thing. */
static struct wish
normalised(const struct wish *wish)
{
	struct wish w = *wish;

	switch (w.kind) {
	case WISH_EVACUATE:
		w.service[0] = '\0';
		w.share = 0;
		break;
	case WISH_FREEZE:
		w.region[0] = '\0';
		w.share = 0;
		break;
	case WISH_PIN:
		break;
	}
	return w;
}

const struct wish *
wishes_same(const struct wishes *w, const struct wish *wish)
{
	struct wish named = normalised(wish);

	return find(w, named.kind, named.service, named.region);
}

bool
wishes_set(struct wishes *w, const struct wish *wish)
{
	struct wish set = normalised(wish);
	const struct wish *same = wishes_same(w, &set);
	unsigned at = same != NULL ? (unsigned)(same - w->list) : w->count;

	if (at == WISHES_MAX)
		return false;
	w->list[at] = set;
	w->count += same == NULL;
	w->version++;
	return true;
}

/* Order is kept: it is the order in which people see them. */
static void
cut(struct wishes *w, unsigned at)
{
	w->count--;
	memmove(&w->list[at], &w->list[at + 1], (w->count - at) * sizeof w->list[0]);
	w->version++;
}

bool
wishes_drop(struct wishes *w, enum wish_kind kind, const char *service, const char *region)
{
	const struct wish *wish =
	    find(w, kind, kind == WISH_EVACUATE ? "" : service, kind == WISH_FREEZE ? "" : region);

	if (wish == NULL)
		return false;
	cut(w, (unsigned)(wish - w->list));
	return true;
}

void
wishes_shift(struct wishes *w, int64_t by_ms)
{
	for (unsigned i = 0; i < w->count; i++) {
		w->list[i].made_wall_ms += (uint64_t)by_ms;
		w->list[i].until_wall_ms += (uint64_t)by_ms;
	}
	w->wall_ahead_ms += by_ms;
	w->version++;
}

unsigned
wishes_expire(
    struct wishes *w, uint64_t wall_ms, void (*ended)(void *arg, const struct wish *), void *arg)
{
	unsigned expired = 0;

	for (unsigned i = 0; i < w->count;) {
		struct wish over = w->list[i];

		if (over.until_wall_ms > wall_ms) {
			i++;
			continue;
		}
		cut(w, i);
		ended(arg, &over);
		expired++;
	}
	return expired;
}
