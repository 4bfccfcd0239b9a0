/* SPDX-License-Identifier: Apache-2.0 */
#include "control/expiry.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "steer/endpoint.h"

enum { DAY_S = 24 * 60 * 60 };

bool
expiry_is_near(int64_t ends_s, int64_t now_s)
{
	return ends_s != 0 && ends_s - now_s < (int64_t)EXPIRY_WARN_DAYS * DAY_S;
}

/* Whose certificate has ended already fails its checks, which say so. */
static void
warn(const struct endpoint *e, int64_t ends_s, int64_t now_s)
{
	char text[32];

	clock_format_wall((uint64_t)ends_s * 1000000, text, sizeof text);
	log_warn("%s, %s, %s: its certificate ends in %" PRId64
		 " days, at %s: renew it, or its checks "
		 "and requests will fail from then on",
	    e->service, e->region, e->url, (ends_s - now_s) / DAY_S, text);
}

bool
expiry_note(struct endpoint *e, int64_t ends_s, bool verified, int64_t now_s)
{
	if (!verified)
		ends_s = 0;
	atomic_store_explicit(&e->certificate_ends_s, ends_s, memory_order_relaxed);
	if (ends_s <= now_s || !expiry_is_near(ends_s, now_s) ||
	    (e->certificate_warned_s != 0 && now_s - e->certificate_warned_s < DAY_S))
		return false;
	e->certificate_warned_s = now_s;
	warn(e, ends_s, now_s);
	return true;
}
