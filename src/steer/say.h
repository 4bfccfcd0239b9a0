/*
 * The bits of sentences that explain.c and explain_region.c have in common; nobody else includes
 * this.
 */
#ifndef STEER_SAY_H
#define STEER_SAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/phrase.h"

struct wish;

/* A text that grows to the end of its buffer and no further. */
struct text {
	char *at;
	size_t size;
};

#define say(text, ...) phrase_add((text)->at, (text)->size, __VA_ARGS__)

struct text say_open(char *buf, size_t size);
/* The two largest units: 3 m 12 s, 2 h 5 m, 4.2 s, 300 ms. */
void say_time(struct text *, uint64_t ms);
/* Whole percents, unless that would make something look like nothing or all. */
void say_part(struct text *, double part);
/* Whom to ask, why, and until when; NULL: who it is is not known. */
void say_wish(struct text *, const struct wish *);

#endif
