/* SPDX-License-Identifier: Apache-2.0 */
#include "control/wish_told.h"

#include <math.h>

#include "base/clock.h"
#include "control/journal.h"
#include "steer/wish.h"

void
wish_tell(struct journal *journal, enum fact_kind kind, enum fact_signal signal,
    const struct wish *w, uint64_t wall_ms, const char *rule, const char *replaces)
{
	const struct journal_person person = { w->owner, w->reason, wish_word(w->kind), replaces };

	journal_add(journal,
	    &(struct fact){ .kind = kind,
		.signal = signal,
		.at_ms = clock_now_ms(),
		.service = w->service,
		.region = w->region,
		.endpoint_id = UINT32_MAX,
		.a = w->until_wall_ms > wall_ms ? (double)(w->until_wall_ms - wall_ms) : 0,
		.b = w->kind == WISH_PIN ? w->share : NAN,
		.rule = rule },
	    &person);
}

void
wish_tell_rule(struct journal *journal, enum fact_kind kind, const struct wish *w, double shed,
    const char *rule)
{
	const struct journal_person person = { w->owner, w->reason, wish_word(w->kind), "" };

	journal_add(journal,
	    &(struct fact){ .kind = kind,
		.signal = SIGNAL_PERSON,
		.at_ms = clock_now_ms(),
		.service = w->service,
		.region = w->region,
		.endpoint_id = UINT32_MAX,
		.a = shed,
		.b = NAN,
		.c = NAN,
		.rule = rule },
	    &person);
}
