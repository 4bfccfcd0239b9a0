/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

/*
 * PCRE2 bounds the steps of backtracking from each place where a match may begin, not their sum: a
 * pattern that is slow everywhere in 8 KiB takes 13 ms, for each field and condition anew. So it is
 * asked about a few places at a time, and in between the clock is looked at.
 */
enum {
	MATCH_LIMIT = 5000, /* steps of backtracking from one place */
	PLACES = 16, /* places between two looks at first, */
	PLACES_MOST = 128, /* and while it goes fast */
	FAST_NS = 10 * 1000,
	EFFORT_NS = 400 * 1000, /* of processor time, for all matches of a budget */
	FREE_NS = 100 * 1000, /* so long by the wall clock, which is cheaper to read, */
			 /* and may have stood still: then the processor's is asked */
	HEAP_KIB = 1024, /* for a pattern that is interpreted */
	STACK_FIRST = 32 * 1024, /* for one that is compiled to machine code */
	STACK_MOST = 512 * 1024,
};

struct regex {
	pcre2_code *code;
	char *text;
	uint32_t groups;
	bool whole; /* all places at once: it begins at the text's beginning only, or has \G */
};

struct regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint64_t wall_ns; /* spent since regex_begin() */
	uint64_t cpu_ns; /* the thread's clock when that came to FREE_NS; 0: not yet */
	bool over;
};

struct regex *
regex_new(const char *pattern, struct error *e)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C |
		PCRE2_USE_OFFSET_LIMIT,
	    &code, &at, NULL);
	uint32_t options;
	struct regex *r;

	if (compiled == NULL) {
		PCRE2_UCHAR why[128];

		pcre2_get_error_message(code, why, sizeof why);
		error_set(e, "the pattern \"%s\" is broken behind its byte %zu: %s", pattern, at,
		    (const char *)why);
		return NULL;
	}
	/* Where no memory may be both written and run, matching is interpreted, and as right. */
	(void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
	r = mem_new(sizeof *r);
	r->code = compiled;
	r->text = mem_strdup(pattern);
	pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &r->groups);
	pcre2_pattern_info(compiled, PCRE2_INFO_ALLOPTIONS, &options);
	r->whole = (options & PCRE2_ANCHORED) != 0 || strstr(pattern, "\\G") != NULL;
	return r;
}

void
regex_free(struct regex *r)
{
	pcre2_code_free(r->code);
	mem_free(r->text);
	mem_free(r);
}

const char *
regex_text(const struct regex *r)
{
	return r->text;
}

unsigned
regex_groups(const struct regex *r)
{
	return r->groups;
}

struct regex_scratch *
regex_scratch_new(void)
{
	struct regex_scratch *s = mem_new(sizeof *s);

	s->data = pcre2_match_data_create(REGEX_GROUPS, NULL);
	s->context = pcre2_match_context_create(NULL);
	if (s->data == NULL || s->context == NULL)
		abort(); /* as mem_new() does when there is no memory */
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_KIB);
	s->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
	if (s->stack != NULL) /* else a smaller one on the thread's own stack is used */
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
	return s;
}

void
regex_scratch_free(struct regex_scratch *s)
{
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	if (s->stack != NULL)
		pcre2_jit_stack_free(s->stack);
	mem_free(s);
}

static void
take_groups(const struct regex_scratch *s, int count, const char *text, struct slice *groups)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->data);

	/* 0: more groups took part than are wanted. */
	if (count == 0)
		count = REGEX_GROUPS;
	for (int i = 0; i < REGEX_GROUPS; i++) {
		groups[i] = (struct slice){ text, 0 };
		/* \K in a lookahead can put the beginning behind the end. */
		if (i < count && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1])
			groups[i] = (struct slice){ text + at[2 * i], at[2 * i + 1] - at[2 * i] };
	}
}

void
regex_begin(struct regex_scratch *s)
{
	s->wall_ns = 0;
	s->cpu_ns = 0;
	s->over = false;
}

bool
regex_is_over(const struct regex_scratch *s)
{
	return s->over;
}

static uint64_t
read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Returns what the last step has taken. */
static uint64_t
charge(struct regex_scratch *s, uint64_t *since_ns)
{
	uint64_t now_ns = read_clock(CLOCK_MONOTONIC);
	uint64_t took_ns = now_ns - *since_ns;

	s->wall_ns += took_ns;
	*since_ns = now_ns;
	if (s->wall_ns < FREE_NS)
		return took_ns;
	if (s->cpu_ns == 0)
		s->cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
	else
		s->over = read_clock(CLOCK_THREAD_CPUTIME_ID) - s->cpu_ns > EFFORT_NS;
	return took_ns;
}

bool
regex_find(const struct regex *r, struct regex_scratch *s, struct slice text,
    struct slice groups[REGEX_GROUPS])
{
	const char *at = text.len > 0 ? text.at : "";
	uint64_t since_ns = read_clock(CLOCK_MONOTONIC);
	size_t from = 0, places = PLACES;
	int count = PCRE2_ERROR_NOMATCH;

	while (from <= text.len && !s->over) {
		pcre2_set_offset_limit(s->context, r->whole ? PCRE2_UNSET : from + places - 1);
		count = pcre2_match(
		    r->code, (PCRE2_SPTR)at, text.len, from, 0, s->data, s->context);
		from += places;
		if (charge(s, &since_ns) < FAST_NS && places < PLACES_MOST)
			places *= 2;
		if (count != PCRE2_ERROR_NOMATCH || r->whole)
			break;
	}
	if (count < 0)
		return false;
	if (groups != NULL)
		take_groups(s, count, at, groups);
	return true;
}
