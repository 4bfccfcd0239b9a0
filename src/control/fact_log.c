/* SPDX-License-Identifier: Apache-2.0 */
#include "control/fact_log.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"

enum { WINDOW_MS = 1000, LINE = 512 };

void
fact_log_tick(struct fact_log *l, uint64_t now_ms)
{
	if (now_ms - l->window_ms < WINDOW_MS)
		return;
	if (l->held_back > 0)
		log_info("%u more changes of endpoints and regions in that second", l->held_back);
	*l = (struct fact_log){ .window_ms = now_ms };
}

static bool
has_room(struct fact_log *l, uint64_t now_ms)
{
	fact_log_tick(l, now_ms);
	if (l->lines < FACT_LINES_PER_S) {
		l->lines++;
		return true;
	}
	l->held_back++;
	return false;
}

/* What takes traffic away, or means that it could not be taken away, is worth a second look. */
static enum log_level
level_of(enum fact_kind kind)
{
	switch (kind) {
	case FACT_REGION_DOWN:
	case FACT_REGION_GREY:
	case FACT_SHED_BEGAN:
	case FACT_FAIL_OPEN:
	case FACT_FAIL_CLOSED:
	case FACT_REGION_PANIC:
	case FACT_COMMON_CAUSE:
	case FACT_SELF_SUSPECT:
	case FACT_NOT_REDUNDANT:
	case FACT_OVERRIDDEN:
		return LOG_LEVEL_WARN;
	default:
		return LOG_LEVEL_INFO;
	}
}

static void
write_line(enum log_level level, const char *line)
{
	if (level == LOG_LEVEL_WARN)
		log_warn("%s", line);
	else
		log_info("%s", line);
}

char *
fact_log_cause(const struct fact *f, const struct endpoint *e, char *buf, size_t size)
{
	buf[0] = '\0';
	if (f->kind != FACT_ENDPOINT_DOWN || e == NULL)
		return buf;
	return endpoint_reason(e, buf, size);
}

void
fact_log_write(struct fact_log *l, const struct fact *f, const struct endpoint *e)
{
	enum log_level level = level_of(f->kind);
	struct fact told = *f;
	char text[LINE], line[2 * LINE], why[ENDPOINT_REASON_BYTES];

	if (f->kind == FACT_SHARES_MOVED && isnan(f->c))
		return;
	/* A warning of a region must not be lost in a flood of its endpoints. */
	if (!log_wants(level) || (level != LOG_LEVEL_WARN && !has_room(l, f->at_ms)))
		return;
	if (f->kind == FACT_SHARES_MOVED)
		told.a = f->c;
	fact_format(&told, e != NULL ? e->url : NULL, text, sizeof text);
	fact_log_cause(f, e, why, sizeof why);
	snprintf(line, sizeof line, "%s%s%s", text, why[0] != '\0' ? "; " : "", why);
	write_line(level, line);
}

void
fact_log_removed(struct fact_log *l, const struct endpoint *e, uint64_t now_ms)
{
	if (log_wants(LOG_LEVEL_INFO) && has_room(l, now_ms))
		log_info("%s, %s, %s: endpoint left the configuration or DNS and drains",
		    e->service, e->region, e->url);
}
