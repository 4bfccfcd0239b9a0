#include "control/verdict_log.h"

#include <stdio.h>

#include "base/log.h"
#include "conf/topology.h"
#include "steer/share.h"

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

void
verdict_log_shares(struct verdict_log *l, const struct table_service *service,
    const uint32_t *before, const uint32_t *after, const uint32_t *up, uint64_t now_ms)
{
	for (unsigned i = 0; i < service->region_count; i++) {
		if (before[i] == after[i] || !has_room(l, now_ms))
			continue;
		log_info("service %s, region %s: share %.1f %% -> %.1f %%: %u of %u endpoints up",
		    service->conf->name, service->regions[i].name, percent(before[i]),
		    percent(after[i]), up[i], service->regions[i].endpoint_count);
	}
}
