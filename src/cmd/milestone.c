/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/milestone.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/phrase.h"
#include "cmd/version.h"
#include "conf/topology.h"
#include "control/journal.h"

enum { REASON_BYTES = 1024 };

struct milestone_counts
milestone_count(const struct topology *t)
{
	struct milestone_counts c = { .listeners = t->listener_count,
		.services = t->service_count,
		.regions = t->region_count,
		.routes = t->route_count };

	for (unsigned i = 0; i < t->service_count; i++) {
		for (unsigned r = 0; r < t->services[i].region_count; r++)
			c.endpoints += t->services[i].regions[r].endpoint_count;
	}
	return c;
}

static void
tell(struct journal *j, enum fact_kind kind, double a, double b, double c, const char *actor,
    const char *reason)
{
	const struct fact f = { .kind = kind,
		.at_ms = clock_now_ms(),
		.service = "",
		.region = "",
		.endpoint_id = UINT32_MAX,
		.a = a,
		.b = b,
		.c = c };
	const struct journal_person who = { .owner = actor, .reason = reason };

	journal_add(j, &f, &who);
}

void
milestone_started(struct journal *j, const struct topology *t, const char *path, pid_t before)
{
	struct milestone_counts c = milestone_count(t);
	char reason[REASON_BYTES];
	size_t len;

	snprintf(reason, sizeof reason, "version %s (%s), pid %d%s%s", version_text(),
	    version_commit(), (int)getpid(), path != NULL ? ", " : "", path != NULL ? path : "");
	len = strlen(reason);
	if (before > 0)
		snprintf(
		    reason + len, sizeof reason - len, ", takes over from pid %d", (int)before);
	tell(j, FACT_STARTED, c.services, c.endpoints, c.routes, "", reason);
}

/* ", services 2 -> 3": only what has changed. */
static void
add_change(char *text, size_t size, const char *what, unsigned before, unsigned now)
{
	size_t len = strlen(text);

	if (before != now)
		snprintf(text + len, size - len, ", %s %u -> %u", what, before, now);
}

void
milestone_reloaded(struct journal *j, const char *actor, unsigned version,
    const struct milestone_counts *before, const struct topology *t, const char *changes)
{
	struct milestone_counts now = milestone_count(t);
	char reason[REASON_BYTES];

	snprintf(reason, sizeof reason, "version %u of this process", version);
	add_change(reason, sizeof reason, "listeners", before->listeners, now.listeners);
	add_change(reason, sizeof reason, "services", before->services, now.services);
	add_change(reason, sizeof reason, "regions", before->regions, now.regions);
	add_change(reason, sizeof reason, "endpoints", before->endpoints, now.endpoints);
	add_change(reason, sizeof reason, "routes", before->routes, now.routes);
	phrase_add(reason, sizeof reason, "; %s", changes);
	tell(j, FACT_RELOADED, now.services, now.endpoints, now.routes, actor, reason);
}

void
milestone_refused(struct journal *j, const char *actor, unsigned errors, const char *why)
{
	tell(j, FACT_RELOAD_REFUSED, errors, NAN, NAN, actor, why);
}

void
milestone_leaving(struct journal *j, const char *actor, unsigned requests)
{
	tell(j, FACT_LEAVING, requests, NAN, NAN, actor, "");
}

void
milestone_ended(struct journal *j, const char *why, unsigned requests)
{
	tell(j, FACT_ENDED, requests, NAN, NAN, "", why);
}
