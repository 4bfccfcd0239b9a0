#include "control/verdict_log.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "conf/topology.h"

enum { WINDOW_MS = 1000 };

static bool
has_room(struct verdict_log *l, uint64_t now_ms)
{
	verdict_log_tick(l, now_ms);
	if (l->lines < VERDICT_LINES_PER_S) {
		l->lines++;
		return true;
	}
	l->held_back++;
	return false;
}

void
verdict_log_tick(struct verdict_log *l, uint64_t now_ms)
{
	if (now_ms - l->window_ms < WINDOW_MS)
		return;
	if (l->held_back > 0)
		log_info("%u more changes of endpoints and shares in that second", l->held_back);
	*l = (struct verdict_log){ .window_ms = now_ms };
}

void
verdict_log_change(struct verdict_log *l, const struct endpoint *e, enum endpoint_state from,
    enum endpoint_state to, enum endpoint_reason reason, uint32_t detail, uint64_t now_ms)
{
	char why[128];

	if (!log_wants(LOG_LEVEL_INFO) || !has_room(l, now_ms))
		return;
	log_info("service %s, region %s, endpoint %s: %s -> %s: %s", e->service, e->region, e->url,
	    endpoint_state_name(from), endpoint_state_name(to),
	    endpoint_reason_format(reason, detail, why, sizeof why));
}

static double
percent(uint32_t share)
{
	return share * 100.0 / SHARE_WHOLE;
}

/* The tier that serves: in a word why a region that is fit may have no share. */
static uint32_t
serving_tier(const struct table_service *service, const uint32_t *shares)
{
	for (unsigned i = 0; i < service->region_count; i++) {
		if (shares[i] > 0)
			return service->regions[i].conf->tier;
	}
	return 0;
}

static const char *
mode_text(enum share_mode mode)
{
	switch (mode) {
	case SHARE_NORMAL:
		return "";
	case SHARE_UNPROVEN:
		return ", none anywhere yet";
	case SHARE_FAIL_OPEN:
		return ", none anywhere: failing open";
	case SHARE_FAIL_CLOSED:
		return ", none anywhere: refusing";
	case SHARE_NOTHING:
		return ", none anywhere";
	}
	abort();
}

void
verdict_log_shares(struct verdict_log *l, const struct table_service *service,
    const struct share_change *c, uint64_t now_ms)
{
	uint32_t tier = serving_tier(service, c->after);

	if (!log_wants(LOG_LEVEL_INFO))
		return;
	for (unsigned i = 0; i < service->region_count; i++) {
		const struct table_region *region = &service->regions[i];

		if (c->before[i] == c->after[i] || !has_room(l, now_ms))
			continue;
		log_info("service %s, region %s (tier %u): share %.1f %% -> %.1f %%: %u of %u "
			 "endpoints up%s; tier %u serves",
		    service->conf->name, region->name, region->conf->tier, percent(c->before[i]),
		    percent(c->after[i]), c->up[i], region->endpoint_count, mode_text(c->mode),
		    tier);
	}
}
