/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <inttypes.h>
#include <math.h>

#include "base/clock.h"
#include "steer/wish.h"

struct text
say_open(char *buf, size_t size)
{
	if (size > 0)
		buf[0] = '\0';
	return (struct text){ .at = buf, .size = size };
}

void
say_time(struct text *t, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (ms < 1000)
		say(t, "%" PRIu64 " ms", ms);
	else if (s < 10)
		say(t, "%.1f s", (double)ms / 1000);
	else if (s < 60)
		say(t, "%" PRIu64 " s", s);
	else if (s < 3600)
		say(t, "%" PRIu64 " m %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		say(t, "%" PRIu64 " h %" PRIu64 " m", s / 3600, s / 60 % 60);
	else
		say(t, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
}

void
say_part(struct text *t, double part)
{
	double percent = part * 100;

	if (fabs(percent - round(percent)) < 0.05)
		say(t, "%.0f %%", percent);
	else
		say(t, "%.1f %%", percent);
}

void
say_wish(struct text *t, const struct wish *w)
{
	char until[32];

	if (w == NULL) {
		say(t, " by a person");
		return;
	}
	clock_format_wall(w->until_wall_ms * 1000, until, sizeof until);
	say(t, " by %s (%s) until %s", w->owner, w->reason, until);
}
