/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people wish, as this service sees it. Read when it has changed or one of its wishes ends:
 * main, which owns them, may be held up by a disk, and an end must not wait for that.
 */
#include <math.h>

#include "steer_private.h"

/* In force, and then the time of its end counts; NULL otherwise. */
static const struct wish *
in_force(struct steer *s, const struct wish *w, uint64_t wall_ms)
{
	if (w == NULL || w->until_wall_ms <= wall_ms)
		return NULL;
	if (w->until_wall_ms < s->wishes_until_wall_ms)
		s->wishes_until_wall_ms = w->until_wall_ms;
	return w;
}

static void
tell(struct steer *s, enum fact_kind kind, const char *region, double a, struct facts *facts)
{
	steer_tell(s, facts,
	    (struct fact){ .kind = kind,
		.signal = SIGNAL_PERSON,
		.region = region,
		.endpoint_id = UINT32_MAX,
		.a = a });
}

static void
read_freeze(struct steer *s, const struct steer_seen *seen, struct facts *facts)
{
	const struct wish *w =
	    in_force(s, wishes_freeze(seen->wishes, s->plan->service), seen->wall_ms);
	bool was = s->frozen;

	s->frozen = w != NULL;
	if (s->frozen && !was)
		tell(s, FACT_FROZEN, NULL, (double)(w->until_wall_ms - seen->wall_ms), facts);
	else if (was && !s->frozen)
		tell(s, FACT_UNFROZEN, NULL, 0, facts);
}

static void
read_pin(
    struct steer *s, struct steered_region *r, const struct steer_seen *seen, struct facts *facts)
{
	const char *name = r->plan->name;
	const struct wish *w =
	    in_force(s, wishes_pin(seen->wishes, s->plan->service, name), seen->wall_ms);
	double was = r->pinned;

	r->pinned = w != NULL ? fmin(1, fmax(0, w->share)) : NAN;
	if (w != NULL && (isnan(was) || fabs(r->pinned - was) > 0))
		tell(s, FACT_PINNED, name, r->pinned, facts);
	else if (w == NULL && !isnan(was))
		tell(s, FACT_UNPINNED, name, 0, facts);
}

static void
read_evacuation(struct steer *s, struct steered_region *r, const struct steer_seen *seen)
{
	const struct wish *w =
	    in_force(s, wishes_evacuation(seen->wishes, r->plan->name), seen->wall_ms);

	r->evacuated = w != NULL;
	r->evacuated_until_ms =
	    w != NULL ? s->now_ms + (w->until_wall_ms - seen->wall_ms) : s->now_ms;
}

void
steer_read_wishes(struct steer *s, const struct steer_seen *seen, struct facts *facts)
{
	if (seen->wishes == NULL)
		return;
	if (s->wishes_read && s->wishes_version == seen->wishes->version &&
	    seen->wall_ms < s->wishes_until_wall_ms)
		return;
	s->wishes_read = true;
	s->wishes_version = seen->wishes->version;
	s->wishes_until_wall_ms = UINT64_MAX;
	read_freeze(s, seen, facts);
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		read_pin(s, &s->regions[i], seen, facts);
		read_evacuation(s, &s->regions[i], seen);
	}
}
