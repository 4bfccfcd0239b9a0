/*
 * What must hold for every input, and input in memory of exactly its size.
 */
#ifndef TESTS_FUZZ_ORACLE_H
#define TESTS_FUZZ_ORACLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fuzzer keeps the input that made this abort. */
static inline void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* Freed by the caller. */
static inline char *
exact_copy(const void *data, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

typedef enum h1_result fuzz_parse_fn(
    struct h1_parse *, struct head *, const char *data, size_t len, const void *arg);

static inline bool
part_inside(struct part p, size_t len)
{
	return p.at <= len && p.len <= len - p.at;
}

/* All parts lie inside the head, and the fields are lines, one behind the other. */
static inline void
must_be_sound(const struct head *h, size_t len)
{
	size_t at = 0;

	must(h->len >= 2 && h->len <= len, "the head ends inside the data");
	must(memcmp(h->base + h->len - 2, "\r\n", 2) == 0, "an empty line ends the head");
	must(part_inside(h->method_text, h->len) && part_inside(h->target, h->len) &&
		part_inside(h->host, h->len) && part_inside(h->path, h->len) &&
		part_inside(h->query, h->len) && part_inside(h->reason, h->len),
	    "parts lie inside the head");
	must(h->field_count <= HEAD_MAX_FIELDS, "no more fields than fit");
	for (unsigned i = 0; i < h->field_count; i++) {
		const struct field *f = &h->fields[i];

		must(i == 0 || f->name_at == at, "fields follow each other");
		must(part_inside((struct part){ f->value_at, f->value_len }, h->len - 2),
		    "values lie inside the head");
		at = (size_t)((const char *)memchr(h->base + f->value_at + f->value_len, '\n',
				  h->len - f->value_at - f->value_len) -
		    h->base + 1);
	}
	must(h->field_count == 0 || at == h->len - 2U, "the last field ends the fields");
}

static inline void
must_be_same(const struct h1_parse *p, const struct head *a, enum h1_result ra,
    const struct h1_parse *q, const struct head *b, enum h1_result rb)
{
	must(ra == rb && p->fault == q->fault && p->why == q->why, "the same verdict");
	if (ra != H1_DONE)
		return;
	must(memcmp((const char *)a + sizeof a->base, (const char *)b + sizeof b->base,
		 offsetof(struct head, fields) - sizeof a->base) == 0,
	    "the same head");
	must(memcmp(a->fields, b->fields, a->field_count * sizeof a->fields[0]) == 0,
	    "the same fields");
}

/*
 * Parses the bytes whole, then in two pieces, then in steps: the same verdict. The input itself
 * chooses where it is cut. h refers to data.
 */
static inline enum h1_result
parse_every_way(fuzz_parse_fn *parse, const void *arg, struct head *h, const char *data, size_t len)
{
	size_t step = len > 256 ? 1 + len / 64 : 1;
	size_t cut = len > 0 ? (unsigned char)data[len / 2] * 31U % (len + 1) : 0;
	struct h1_parse whole = { 0 }, pieces = { 0 };
	enum h1_result r = parse(&whole, h, data, len, arg), rp = H1_MORE;
	struct head other;
	char *copy;

	for (unsigned way = 0; way < 2; way++) {
		pieces = (struct h1_parse){ 0 };
		rp = H1_MORE;
		for (size_t n = cut; rp == H1_MORE; n = way == 0 ? len : n + step) {
			if (n > len)
				n = len;
			copy = exact_copy(data, n);
			memset(&other, 0xee, sizeof other);
			rp = parse(&pieces, &other, copy, n, arg);
			free(copy);
			if (n == len)
				break;
		}
		must_be_same(&whole, h, r, &pieces, &other, rp);
		cut = step;
	}
	must(r != H1_BAD || (whole.fault != FAULT_NONE && whole.why != NULL), "a reason is given");
	if (r == H1_DONE)
		must_be_sound(h, len);
	return r;
}

#endif
