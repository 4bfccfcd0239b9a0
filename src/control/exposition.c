/* SPDX-License-Identifier: Apache-2.0 */
#include "control/exposition.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/histogram.h"

void
metric_family(struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put(struct evbuffer *out, const char *text)
{
	evbuffer_add(out, text, strlen(text));
}

static void
put_escaped(struct evbuffer *out, const char *text)
{
	while (*text != '\0') {
		size_t run = strcspn(text, "\\\"\n");

		evbuffer_add(out, text, run);
		text += run;
		if (*text == '\0')
			break;
		put(out, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
		text++;
	}
}

/* Name and labels; le, when given, is one label more. */
static void
put_series(struct evbuffer *out, const char *name, const char *suffix,
    const struct metric_labels *labels, const char *le)
{
	const char *separator = "{";

	put(out, name);
	put(out, suffix);
	for (int i = 0; labels != NULL && i < METRIC_MAX_LABELS && labels->list[i].name != NULL;
	     i++) {
		put(out, separator);
		put(out, labels->list[i].name);
		put(out, "=\"");
		put_escaped(out, labels->list[i].value);
		put(out, "\"");
		separator = ",";
	}
	if (le != NULL) {
		evbuffer_add_printf(out, "%sle=\"%s\"", separator, le);
		separator = ",";
	}
	put(out, *separator == ',' ? "} " : " ");
}

void
metric_count(
    struct evbuffer *out, const char *name, const struct metric_labels *labels, uint64_t value)
{
	put_series(out, name, "", labels, NULL);
	evbuffer_add_printf(out, "%" PRIu64 "\n", value);
}

void
metric_real(
    struct evbuffer *out, const char *name, const struct metric_labels *labels, double value)
{
	put_series(out, name, "", labels, NULL);
	/* enough digits for a time in seconds since 1970 with its milliseconds */
	evbuffer_add_printf(out, "%.14g\n", value);
}

/*
 * Bounds are powers of two in microseconds: there the histogram's own buckets end, so the counts
 * are exact. 256 us to 67 s.
 */
enum { FIRST_BOUND = 8, LAST_BOUND = 26 };

void
metric_histogram(struct evbuffer *out, const char *name, const struct metric_labels *labels,
    const struct histogram_sum *h)
{
	char le[24];

	for (unsigned i = FIRST_BOUND; i <= LAST_BOUND; i++) {
		uint64_t bound_us = UINT64_C(1) << i;

		snprintf(le, sizeof le, "%.9g", (double)bound_us / 1e6);
		put_series(out, name, "_bucket", labels, le);
		evbuffer_add_printf(out, "%" PRIu64 "\n", histogram_count_below(h, bound_us - 1));
	}
	put_series(out, name, "_bucket", labels, "+Inf");
	evbuffer_add_printf(out, "%" PRIu64 "\n", h->total);
	put_series(out, name, "_sum", labels, NULL);
	evbuffer_add_printf(out, "%.14g\n", (double)h->sum_us / 1e6);
	put_series(out, name, "_count", labels, NULL);
	evbuffer_add_printf(out, "%" PRIu64 "\n", h->total);
}
