/*
 * The words for wishes, and what an answer about one says of the others that are in force. Pure.
 */
#ifndef CONTROL_WISH_WORDS_H
#define CONTROL_WISH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/phrase.h"
#include "steer/wish.h"

struct topology;
struct wish_reply;

enum { WISH_WHOSE_BYTES = 400 }; /* a name, a reason and a time fit */

const char *wish_word(enum wish_kind);               /* "evacuate", "freeze", "pin" */
bool wish_parse(const char *word, enum wish_kind *); /* false: no such word */
/* "shop in us-east-1", "us-east-1", "all services", into buf, which is returned. */
const char *wish_subject(const struct wish *, char *buf, size_t size);
/* "by zed (audit) until 2026-11-22T09:27:00.000Z", into buf, which is returned. */
const char *wish_whose(const struct wish *, char *buf, size_t size);
/* Appends to the reply's text; what does not fit is cut. */
#define wish_say(reply, ...) phrase_add((reply)->text, sizeof((reply)->text), __VA_ARGS__)

/* The pins that an evacuation puts out of effect: whoever made them would wonder. */
void wish_say_pins(const struct wishes *, const struct wish *, struct wish_reply *);
/* That a freeze is over, and which of the others still hold what it held. ended is not in force. */
void wish_say_unfrozen(const struct wishes *, const struct wish *ended, struct wish_reply *);
/* What keeps a region that takes traffic again from growing back: freezes and pins in force. */
void wish_say_held(
    const struct wishes *, const struct topology *, const char *region, struct wish_reply *);

#endif
