/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/report.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/source.h"

#define HINTED_PROBLEMS 50

static void add(struct report *r, const struct conf_where *where, bool warning, const char *fmt,
    va_list args) __attribute__((format(printf, 4, 0)));

static void
add(struct report *r, const struct conf_where *where, bool warning, const char *fmt, va_list args)
{
	struct conf_problems *all = r->problems;
	struct conf_problem *problem;
	char reason[2048];

	if (where->flawed)
		return;
	/* The list doubles: its length is a power of two whenever it is full. */
	if ((all->count & (all->count - 1)) == 0)
		all->list = mem_resize(
		    all->list, (all->count == 0 ? 1 : all->count * (size_t)2) * sizeof *all->list);
	problem = &all->list[all->count++];
	vsnprintf(reason, sizeof reason, fmt, args);
	if (where->line == 0)
		problem->text =
		    mem_printf("%s: %s%s", where->file, warning ? "warning: " : "", reason);
	else
		problem->text = mem_printf(
		    "%s:%u: %s%s", where->file, where->line, warning ? "warning: " : "", reason);
	problem->warning = warning;
	problem->position = r->source == NULL ? 0 : source_position(r->source, where);
	all->errors += !warning;
}

void
report_error(struct report *r, const struct conf_where *where, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(r, where, false, fmt, args);
	va_end(args);
}

void
report_warning(struct report *r, const struct conf_where *where, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(r, where, true, fmt, args);
	va_end(args);
}

unsigned
report_errors(const struct report *r)
{
	return r->problems->errors;
}

struct placed {
	struct conf_problem problem;
	unsigned found; /* keeps the sort stable */
};

static int
by_place(const void *left, const void *right)
{
	const struct placed *a = left, *b = right;

	if (a->problem.position != b->problem.position)
		return a->problem.position < b->problem.position ? -1 : 1;
	return a->found < b->found ? -1 : 1;
}

void
report_sort(struct report *r)
{
	struct conf_problems *all = r->problems;
	struct placed *placed;

	if (all->count < 2)
		return;
	placed = mem_array(all->count, sizeof *placed);
	for (unsigned i = 0; i < all->count; i++)
		placed[i] = (struct placed){ all->list[i], i };
	qsort(placed, all->count, sizeof *placed, by_place);
	for (unsigned i = 0; i < all->count; i++)
		all->list[i] = placed[i].problem;
	mem_free(placed);
}

bool
report_wants_hints(const struct report *r)
{
	return r->problems->count < HINTED_PROBLEMS;
}

void
conf_problems_free(struct conf_problems *problems)
{
	for (unsigned i = 0; i < problems->count; i++)
		mem_free(problems->list[i].text);
	mem_free(problems->list);
	*problems = (struct conf_problems){ 0 };
}

void
conf_problems_print(const struct conf_problems *problems, FILE *out)
{
	for (unsigned i = 0; i < problems->count; i++)
		fprintf(out, "%s\n", problems->list[i].text);
}
