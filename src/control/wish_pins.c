/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_pins.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/phrase.h"
#include "control/wish_store.h"
#include "control/wish_words.h"

/* 33.3 % and 66.7 % are 100 %, whatever they are as binary fractions. */
#define ROUNDING 1e-6

enum { LIST_BYTES = 512 };

static bool
is_pin_of(const struct wish *w, const char *service)
{
	return w->kind == WISH_PIN && strcmp(w->service, service) == 0;
}

static bool
is_for_the_same(const struct wish *a, const struct wish *b)
{
	return strcmp(a->service, b->service) == 0 && strcmp(a->region, b->region) == 0;
}

bool
wish_pins_fit(const struct wishes *wishes, const struct wish *w, struct wish_reply *r)
{
	double others = 0;
	const char *before = "";

	for (unsigned i = 0; w->kind == WISH_PIN && i < wishes->count; i++) {
		const struct wish *pin = &wishes->list[i];

		if (is_pin_of(pin, w->service) && !is_for_the_same(pin, w))
			others += pin->share;
	}
	if (w->kind != WISH_PIN || others + w->share <= 1 + ROUNDING)
		return true;
	wish_say(r, "with it the pins of %s would come to %.4g %%: ", w->service,
	    (others + w->share) * 100);
	for (unsigned i = 0; i < wishes->count; i++) {
		const struct wish *pin = &wishes->list[i];
		char whose[WISH_WHOSE_BYTES];

		if (!is_pin_of(pin, w->service) || is_for_the_same(pin, w))
			continue;
		wish_say(r, "%s%s is pinned to %.4g %% %s", before, pin->region, pin->share * 100,
		    wish_whose(pin, whose, sizeof whose));
		before = ", ";
	}
	wish_say(r, "; at most %.4g %% is left for %s, or unpin another one first",
	    fmax(0, 1 - others) * 100, w->region);
	return false;
}

static double
sum_of(const struct wishes *wishes, const char *service)
{
	double sum = 0;

	for (unsigned i = 0; i < wishes->count; i++) {
		if (is_pin_of(&wishes->list[i], service))
			sum += wishes->list[i].share;
	}
	return sum;
}

static void
warn_of(const struct wishes *wishes, const char *service, double sum)
{
	char list[LIST_BYTES] = "";

	for (unsigned i = 0; i < wishes->count; i++) {
		const struct wish *w = &wishes->list[i];

		if (is_pin_of(w, service))
			phrase_add(list, sizeof list, "%s%s %.4g %%", list[0] != '\0' ? ", " : "",
			    w->region, w->share / sum * 100);
	}
	log_warn("the pins of %s come to %.4g %%, so they count as %s; unpin one of them", service,
	    sum * 100, list);
}

void
wish_pins_warn(const struct wishes *wishes)
{
	for (unsigned i = 0; i < wishes->count; i++) {
		const struct wish *w = &wishes->list[i];
		double sum = w->kind == WISH_PIN ? sum_of(wishes, w->service) : 0;
		bool told = false;

		for (unsigned k = 0; k < i; k++)
			told = told || is_pin_of(&wishes->list[k], w->service);
		if (!told && sum > 1 + ROUNDING)
			warn_of(wishes, w->service, sum);
	}
}
