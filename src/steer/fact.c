/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/fact.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct fact_row {
	const char *word;
	const char *number[3];
	const char *text;
};

/* The table's columns: a, b and c come as three arguments. */
#define FACT(name, word, a, b, c, text) [FACT_##name] = { word, { a, b, c }, text },
static const struct fact_row rows[FACT_KINDS] = {
	[FACT_NOTHING] = { "nothing", { "", "", "" }, "nothing" },
#include "steer/fact.def"
};
#undef FACT

static const char *const signal_words[SIGNAL_COUNT] = {
	[SIGNAL_NONE] = "",
	[SIGNAL_CHECKS] = "checks",
	[SIGNAL_IN_A_ROW] = "in_a_row",
	[SIGNAL_LOCAL_SHARE] = "local_share",
	[SIGNAL_HEALTH] = "health",
	[SIGNAL_ERRORS] = "errors",
	[SIGNAL_ERRORS_IN_A_ROW] = "errors_in_a_row",
	[SIGNAL_LATENCY_P50] = "latency_p50",
	[SIGNAL_LATENCY_P95] = "latency_p95",
	[SIGNAL_STALL] = "stall",
	[SIGNAL_CAPACITY] = "capacity",
	[SIGNAL_CLOCK] = "clock",
	[SIGNAL_MASS_CHANGE] = "mass_change",
	[SIGNAL_PERSON] = "person",
	[SIGNAL_TIME] = "time",
	[SIGNAL_IN_FLIGHT] = "in_flight",
	[SIGNAL_MEMORY] = "memory",
};

static const struct fact_row *
row_of(enum fact_kind kind)
{
	assert((unsigned)kind < FACT_KINDS);
	return &rows[kind];
}

/* What a reader of the journal can do without, when a tick has more to say than there is room. */
static bool
is_detail(enum fact_kind kind)
{
	return kind == FACT_SHARES_MOVED || kind == FACT_ENDPOINT_UP ||
	    kind == FACT_ENDPOINT_DOWN || kind == FACT_ENDPOINT_DOUBTED ||
	    kind == FACT_ENDPOINT_EJECTED || kind == FACT_ENDPOINT_BACK ||
	    kind == FACT_REGION_RAMP_PAUSED;
}

static bool
drop_oldest_detail(struct facts *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (!is_detail(f->list[i].kind))
			continue;
		memmove(&f->list[i], &f->list[i + 1], (f->count - i - 1) * sizeof f->list[0]);
		f->count--;
		return true;
	}
	return false;
}

void
facts_add(struct facts *f, struct fact fact)
{
	if (f->count == FACTS_MAX) {
		f->lost++;
		if (!drop_oldest_detail(f))
			return;
	}
	f->list[f->count++] = fact;
}

const char *
fact_word(enum fact_kind kind)
{
	return row_of(kind)->word;
}

const char *
fact_text(enum fact_kind kind)
{
	return row_of(kind)->text;
}

const char *
fact_number_name(enum fact_kind kind, unsigned which)
{
	assert(which < 3);
	return row_of(kind)->number[which];
}

const char *
fact_signal_word(enum fact_signal s)
{
	assert((unsigned)s < SIGNAL_COUNT);
	return signal_words[s];
}

enum fact_signal
fact_signal_parse(const char *word)
{
	for (unsigned s = SIGNAL_NONE + 1; s < SIGNAL_COUNT; s++) {
		if (strcmp(signal_words[s], word) == 0)
			return (enum fact_signal)s;
	}
	return SIGNAL_NONE;
}

/* A line that grows, and keeps the length it would have had: like snprintf(). */
struct line {
	char *buf;
	size_t size;
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *l, const char *fmt, ...)
{
	size_t room = l->len < l->size ? l->size - l->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? l->buf + l->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n;
}

static void
put_ms(struct line *l, double ms)
{
	if (ms < 1000)
		put(l, "%.0f ms", ms);
	else if (ms < 120000)
		put(l, "%.4g s", ms / 1000);
	else if (ms < 7200000)
		put(l, "%.4g min", ms / 60000);
	else
		put(l, "%.4g h", ms / 3600000);
}

static void
put_percent(struct line *l, double share)
{
	/* what sums of shares leave behind is nothing */
	put(l, "%.3g %%", fabs(share) < 1e-6 ? 0 : share * 100);
}

/* "value", in the unit of the signal it was measured by. */
static void
put_value(struct line *l, enum fact_signal s, double v)
{
	switch (s) {
	case SIGNAL_IN_A_ROW:
		put(l, "%g failure%s in a row", v, v == 1 ? "" : "s");
		return;
	case SIGNAL_LOCAL_SHARE:
		put_percent(l, v);
		put(l, " of tries failed");
		return;
	case SIGNAL_HEALTH:
		put_percent(l, v);
		put(l, " healthy");
		return;
	case SIGNAL_ERRORS:
		put_percent(l, v);
		put(l, " errors");
		return;
	case SIGNAL_ERRORS_IN_A_ROW:
		put(l, "%g error%s in a row", v, v == 1 ? "" : "s");
		return;
	case SIGNAL_LATENCY_P50:
		put(l, "median ");
		put_ms(l, v);
		return;
	case SIGNAL_LATENCY_P95:
		put(l, "p95 ");
		put_ms(l, v);
		return;
	case SIGNAL_STALL:
		put(l, "%g window%s without answers", v, v == 1 ? "" : "s");
		return;
	case SIGNAL_CLOCK:
		put_ms(l, v);
		put(l, " late");
		return;
	case SIGNAL_MASS_CHANGE:
		put_percent(l, v);
		put(l, " of verdicts changed at once");
		return;
	case SIGNAL_CHECKS:
		put(l, "%g checks failed", v);
		return;
	case SIGNAL_NONE:
	case SIGNAL_CAPACITY:
	case SIGNAL_PERSON:
	case SIGNAL_TIME:
	case SIGNAL_IN_FLIGHT:
	case SIGNAL_MEMORY:
	case SIGNAL_COUNT:
		break;
	}
	put(l, "value %g", v);
}

static void
put_threshold(struct line *l, enum fact_signal s, double v)
{
	put(l, "threshold ");
	switch (s) {
	case SIGNAL_LOCAL_SHARE:
	case SIGNAL_HEALTH:
	case SIGNAL_ERRORS:
	case SIGNAL_MASS_CHANGE:
		put_percent(l, v);
		return;
	case SIGNAL_LATENCY_P50:
	case SIGNAL_LATENCY_P95:
	case SIGNAL_CLOCK:
		put_ms(l, v);
		return;
	case SIGNAL_NONE:
	case SIGNAL_CHECKS:
	case SIGNAL_IN_A_ROW:
	case SIGNAL_ERRORS_IN_A_ROW:
	case SIGNAL_STALL:
	case SIGNAL_CAPACITY:
	case SIGNAL_PERSON:
	case SIGNAL_TIME:
	case SIGNAL_IN_FLIGHT:
	case SIGNAL_MEMORY:
	case SIGNAL_COUNT:
		break;
	}
	put(l, "%g", v);
}

static bool
has_value(enum fact_signal s)
{
	return s != SIGNAL_NONE && s != SIGNAL_CAPACITY && s != SIGNAL_PERSON && s != SIGNAL_TIME &&
	    s != SIGNAL_IN_FLIGHT && s != SIGNAL_MEMORY;
}

size_t
fact_evidence_format(enum fact_signal s, double value, double threshold, char *buf, size_t size)
{
	struct line l = { .buf = buf, .size = size };

	if (size > 0)
		buf[0] = '\0';
	if (!has_value(s))
		return 0;
	put_value(&l, s, value);
	put(&l, ", ");
	put_threshold(&l, s, threshold);
	return l.len;
}

static bool
is_one_of(const char *name, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

/* "1 failure", but not "1 tota". */
static void
put_count(struct line *l, const char *name, double v)
{
	size_t len = strlen(name);
	bool cut = v == 1 && len > 1 && name[len - 1] == 's';

	if (v == 1 && strcmp(name, "tries") == 0)
		put(l, "1 try");
	else if (v == 1 && strcmp(name, "passes") == 0)
		put(l, "1 pass");
	else
		put(l, "%.4g %.*s", v, (int)(cut ? len - 1 : len), name);
}

/* A try that fails now may have begun long ago: "1 failure, 0 tries" would puzzle everybody. */
static void
put_burst(struct line *l, const char *name, double v)
{
	if (strcmp(name, "windows") == 0) {
		put_value(l, SIGNAL_STALL, v);
		return;
	}
	put_count(l, name, v);
	put(l, strcmp(name, "tries") == 0 ? " begun in it" : " in the last second");
}

/* The unit is in the name: see fact.h. */
static void
put_number(struct line *l, const struct fact *f, const char *name, double v)
{
	static const char *const shares[] = { "from", "to", "share", "shed", NULL };
	static const char *const rates[] = { "demand", "capacity", NULL };

	if (strcmp(name, "value") == 0) {
		put_value(l, f->signal, v);
	} else if (strcmp(name, "threshold") == 0) {
		put_threshold(l, f->kind == FACT_REGION_PANIC ? SIGNAL_HEALTH : f->signal, v);
	} else if (strcmp(name, "for_ms") == 0) {
		put(l, "for ");
		put_ms(l, v);
	} else if (strcmp(name, "healthy") == 0) {
		put_percent(l, v);
		put(l, " healthy");
	} else if (is_one_of(name, shares)) {
		put(l, "%s ", name);
		put_percent(l, v);
	} else if (is_one_of(name, rates)) {
		put(l, "%s %.4g/s", name, v);
	} else if (f->kind == FACT_REGION_SUSPECT) {
		put_burst(l, name, v);
	} else if (strcmp(name, "requests") == 0) {
		put_count(l, name, v);
		put(l, f->kind == FACT_ENDED ? " broken off" : " in flight");
	} else {
		put_count(l, name, v);
	}
}

static void
put_subject(struct line *l, const struct fact *f, const char *endpoint)
{
	const char *service = f->service != NULL ? f->service : "";
	const char *region = f->region != NULL ? f->region : "";
	const char *comma = "";

	if (service[0] != '\0') {
		put(l, "%s", service);
		comma = ", ";
	}
	if (region[0] != '\0') {
		put(l, "%s%s", comma, region);
		comma = ", ";
	}
	if (endpoint != NULL) {
		put(l, "%s%s", comma, endpoint);
		comma = ", ";
	} else if (f->endpoint_id != UINT32_MAX) {
		put(l, "%sendpoint %u", comma, f->endpoint_id);
		comma = ", ";
	}
	if (comma[0] != '\0')
		put(l, ": ");
}

/* What it rests on makes some of them another thing. */
static const char *
text_of(const struct fact *f)
{
	if (f->kind == FACT_SHED_BEGAN && f->signal == SIGNAL_MEMORY)
		return "memory is short: shedding requests of low priority";
	return fact_text(f->kind);
}

size_t
fact_format(const struct fact *f, const char *endpoint, char *buf, size_t size)
{
	const struct fact_row *row = row_of(f->kind);
	const double v[3] = { f->a, f->b, f->c };
	struct line l = { .buf = buf, .size = size };
	const char *open = " (";

	if (size > 0)
		buf[0] = '\0';
	put_subject(&l, f, endpoint);
	put(&l, "%s", text_of(f));
	for (unsigned i = 0; i < 3; i++) {
		/* NaN: it does not apply */
		if (row->number[i][0] == '\0' || isnan(v[i]))
			continue;
		put(&l, "%s", open);
		put_number(&l, f, row->number[i], v[i]);
		open = ", ";
	}
	if (f->signal == SIGNAL_IN_FLIGHT) {
		put(&l, "%sby the tries in flight", open);
		open = ", ";
	}
	if (f->into != NULL && f->into[0] != '\0') {
		put(&l, "%sto %s", open, f->into);
		open = ", ";
	}
	if (f->rule != NULL && f->rule[0] != '\0') {
		put(&l, "%srule %s", open, f->rule);
		open = ", ";
	}
	if (open[0] == ',')
		put(&l, ")");
	return l.len;
}
