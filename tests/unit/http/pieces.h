/*
 * Feeding a parser in pieces: each piece lies in memory of its own and of exactly its size, so
 * that the sanitizer sees a byte read too far, and a pointer kept from an earlier piece dangles.
 */
#ifndef TESTS_HTTP_PIECES_H
#define TESTS_HTTP_PIECES_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/h1.h"

struct verdict {
	enum h1_result result;
	enum fault fault;
	const char *why;
	char summary[1024]; /* with H1_DONE: the head in words */
};

/* One call of the parser under test. */
typedef enum h1_result parse_fn(struct h1_parse *, struct head *, const char *data, size_t len);
typedef void summary_fn(const struct head *, char *out, size_t size);

static inline enum h1_result
feed(parse_fn *parse, struct h1_parse *p, struct head *h, const char *bytes, size_t len,
    summary_fn *summary, struct verdict *v)
{
	char *copy = malloc(len > 0 ? len : 1);

	memcpy(copy, bytes, len);
	memset(h, 0xee, sizeof *h); /* a head of an earlier call is not relied on */
	v->result = parse(p, h, copy, len);
	v->fault = p->fault;
	v->why = p->why != NULL ? p->why : "";
	v->summary[0] = '\0';
	if (v->result == H1_DONE)
		summary(h, v->summary, sizeof v->summary);
	free(copy);
	return v->result;
}

static inline void
same_verdict(const char *title, size_t cut, const struct verdict *a, const struct verdict *b)
{
	ck_assert_msg(a->result == b->result && a->fault == b->fault && a->why == b->why &&
		strcmp(a->summary, b->summary) == 0,
	    "%s: cut at %zu: %d %d \"%s\" {%s}, whole: %d %d \"%s\" {%s}", title, cut,
	    (int)b->result, (int)b->fault, b->why, b->summary, (int)a->result, (int)a->fault,
	    a->why, a->summary);
}

/* Parses bytes whole, in two pieces cut anywhere, and byte by byte: the verdict is the same. */
static inline struct verdict
parse_every_way(
    const char *title, parse_fn *parse, summary_fn *summary, const char *bytes, size_t len)
{
	struct h1_parse p = { 0 };
	struct head h;
	struct verdict whole, cut;

	feed(parse, &p, &h, bytes, len, summary, &whole);
	for (size_t at = 0; at < len; at++) {
		p = (struct h1_parse){ 0 };
		if (feed(parse, &p, &h, bytes, at, summary, &cut) == H1_MORE)
			feed(parse, &p, &h, bytes, len, summary, &cut);
		/* what follows a complete head may be missing */
		same_verdict(title, at, &whole, &cut);
	}
	p = (struct h1_parse){ 0 };
	cut.result = H1_MORE;
	for (size_t n = 0; n <= len && cut.result == H1_MORE; n++)
		feed(parse, &p, &h, bytes, n, summary, &cut);
	same_verdict(title, len, &whole, &cut);
	return whole;
}

static inline int
run_suite(Suite *s)
{
	SRunner *runner = srunner_create(s);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
