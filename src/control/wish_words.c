/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_words.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/wish_store.h"
#include "control/wish_unknown.h"
#include "steer/wish.h"

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

const char *
wish_subject(const struct wish *w, char *buf, size_t size)
{
	if (w->kind == WISH_PIN)
		snprintf(buf, size, "%s in %s", w->service, w->region);
	else if (w->kind == WISH_EVACUATE)
		snprintf(buf, size, "%s", w->region);
	else
		snprintf(buf, size, "%s", w->service[0] != '\0' ? w->service : "all services");
	return buf;
}

void
wish_say_pins(const struct wishes *wishes, const struct wish *w, struct wish_reply *r)
{
	for (unsigned i = 0; w->kind == WISH_EVACUATE && i < wishes->count; i++) {
		const struct wish *pin = &wishes->list[i];

		if (pin->kind == WISH_PIN && strcmp(pin->region, w->region) == 0)
			wish_say(r,
			    "the pin of %s to %.4g %% there (%s: %s) has no effect meanwhile\n",
			    pin->service, pin->share * 100, pin->owner, pin->reason);
	}
}

const char *
wish_whose(const struct wish *w, char *buf, size_t size)
{
	char until[32];

	clock_format_wall(w->until_wall_ms * 1000, until, sizeof until);
	snprintf(buf, size, "by %s (%s) until %s", w->owner, w->reason, until);
	return buf;
}

static void
say_whose(const struct wish *w, struct wish_reply *r)
{
	char text[WISH_WHOSE_BYTES];

	wish_say(r, " %s", wish_whose(w, text, sizeof text));
}

void
wish_say_unfrozen(const struct wishes *wishes, const struct wish *ended, struct wish_reply *r)
{
	const struct wish *all = wishes_freeze(wishes, "");
	bool first = true;

	if (ended->service[0] != '\0' && all != NULL) {
		wish_say(r, "the freeze of %s alone is over, but all services stay frozen",
		    ended->service);
		say_whose(all, r);
		return;
	}
	wish_say(r, "automatic moves of %s go on",
	    ended->service[0] != '\0' ? ended->service : "all services");
	for (unsigned i = 0; ended->service[0] == '\0' && i < wishes->count; i++) {
		const struct wish *w = &wishes->list[i];

		if (w->kind != WISH_FREEZE)
			continue;
		wish_say(r, "%s%s stays frozen", first ? ", but " : ", ", w->service);
		say_whose(w, r);
		first = false;
	}
}

static bool
serves_in(const struct topology *t, const char *service, const char *region)
{
	struct wish w = { .kind = WISH_PIN };
	char why[2 * WISH_NAME + 64];

	snprintf(w.service, sizeof w.service, "%s", service);
	snprintf(w.region, sizeof w.region, "%s", region);
	return wish_unknown(t, &w, why, sizeof why) == NULL;
}

void
wish_say_held(
    const struct wishes *wishes, const struct topology *t, const char *region, struct wish_reply *r)
{
	for (unsigned i = 0; i < wishes->count; i++) {
		const struct wish *w = &wishes->list[i];

		if (w->kind == WISH_FREEZE && w->service[0] == '\0')
			wish_say(r, "\nbut its share does not grow while all services are frozen");
		else if (w->kind == WISH_FREEZE && serves_in(t, w->service, region))
			wish_say(r, "\nbut its share of %s does not grow while that is frozen",
			    w->service);
		else if (w->kind == WISH_PIN && strcmp(w->region, region) == 0)
			wish_say(r, "\nbut its share of %s is pinned to %.4g %%", w->service,
			    w->share * 100);
		else
			continue;
		say_whose(w, r);
	}
}
