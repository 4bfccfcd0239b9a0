/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"

enum {
	MATCH_LIMIT = 100000, /* steps of backtracking: some milliseconds at the most */
	HEAP_KIB = 1024, /* for a pattern that is interpreted */
	STACK_FIRST = 32 * 1024, /* for one that is compiled to machine code */
	STACK_MOST = 512 * 1024,
};

struct regex {
	pcre2_code *code;
	char *text;
	uint32_t groups;
};

struct regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

struct regex *
regex_new(const char *pattern, struct error *e)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
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

bool
regex_find(const struct regex *r, struct regex_scratch *s, struct slice text,
    struct slice groups[REGEX_GROUPS])
{
	const char *at = text.len > 0 ? text.at : "";
	int count = pcre2_match(r->code, (PCRE2_SPTR)at, text.len, 0, 0, s->data, s->context);

	if (count < 0)
		return false;
	if (groups != NULL)
		take_groups(s, count, at, groups);
	return true;
}
