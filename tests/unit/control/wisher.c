/* SPDX-License-Identifier: Apache-2.0 */
#include "wisher.h"

#include <check.h>
#include <stdio.h>

#include "people_world.h"

struct wish_reply wisher_reply;
unsigned wisher_replies;

void
wisher_on_reply(void *arg, const struct wish_reply *r)
{
	wisher_reply = *r;
	wisher_replies++;
}

struct wish
wisher_wish(enum wish_kind kind, const char *service, const char *region, double share)
{
	struct wish w = { .kind = kind, .share = share, .owner = "alice", .reason = "upgrade" };

	snprintf(w.service, sizeof w.service, "%s", service);
	snprintf(w.region, sizeof w.region, "%s", region);
	return w;
}

int
wisher_make(const struct wish *w, uint64_t for_ms, const char *overridden)
{
	wisher_replies = 0;
	wish_store_make(people_store, w, for_ms, overridden, wisher_on_reply, NULL);
	people_turn(1);
	ck_assert_uint_eq(wisher_replies, 1);
	people_turn(1); /* control takes what came of it */
	return wisher_reply.result;
}

int
wisher_evacuate(const char *region, const char *overridden)
{
	struct wish w = wisher_wish(WISH_EVACUATE, "", region, 0);

	return wisher_make(&w, 0, overridden);
}

int
wisher_end(enum wish_kind kind, const char *service, const char *region)
{
	struct wish w = wisher_wish(kind, service, region, 0);

	wisher_replies = 0;
	wish_store_end(people_store, &w, wisher_on_reply, NULL);
	if (wisher_replies == 0) /* control is asked */
		people_turn(1);
	ck_assert_uint_eq(wisher_replies, 1);
	return wisher_reply.result;
}

unsigned
wisher_in_force(void)
{
	return desk_wishes(people_desk)->count;
}
