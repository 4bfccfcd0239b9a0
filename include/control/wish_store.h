/*
 * The wishes of people: checked, kept in memory and in state_dir/wishes.json, told to control.
 *
 * Main thread. What takes traffic from a region is judged by control, on a copy of its state,
 * before it comes into force. The configuration wins: a wish for what it does not name is dropped.
 */
#ifndef CONTROL_WISH_STORE_H
#define CONTROL_WISH_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "steer/wish.h"

struct desk;
struct event_base;
struct journal;
struct topology;
struct wish_store;

enum {
	WISH_DEFAULT_MS = 60 * 60 * 1000,
	WISH_MAX_MS = 72 * 60 * 60 * 1000,
	WISH_MIN_MS = 1000,
};

/* Desk and journal are borrowed, as long as the store. */
struct wish_store *wish_store_new(struct desk *, struct journal *);
void wish_store_free(struct wish_store *); /* NULL is fine */

/*
 * Reads what was kept, drops what is over or unknown, tells control; from now on wishes end in
 * time. A broken file is a warning and set aside. The topology's reference is taken.
 */
void wish_store_open(struct wish_store *, struct event_base *, struct topology *);
void wish_store_close(struct wish_store *); /* before that loop goes away */
/* After a reload: the same again for what is in force. */
void wish_store_adopt(struct wish_store *, struct topology *);

/* What came of it, in words for a person. */
struct wish_reply {
	enum { WISH_DONE, WISH_WRONG, WISH_REFUSED, WISH_NOT_ANSWERED } result;
	char rule[WISH_TEXT]; /* of REFUSED; of DONE: those that were overridden */
	char text[4096];
};

typedef void wish_reply_fn(void *arg, const struct wish_reply *);

/*
 * Makes a wish: its kind, names, share, owner and reason are given, its times follow from for_ms
 * (0: the default). overridden: safety rules to break, with commas between them, or "". Calls
 * done() exactly once, possibly before it returns.
 */
void wish_store_make(struct wish_store *, const struct wish *, uint64_t for_ms,
    const char *overridden, wish_reply_fn *done, void *arg);
/*
 * Takes one back: kind and names are given, owner and reason say who and why. Ending an evacuation
 * also lets a region go on that is well again and waits; one that does neither is WISH_WRONG. Calls
 * done() exactly once, possibly before it returns.
 */
void wish_store_end(struct wish_store *, const struct wish *, wish_reply_fn *done, void *arg);

/* Those in force; valid until the next call. */
const struct wishes *wish_store_list(const struct wish_store *);
/* {"version", "wishes": [...]}. A new reference. */
json_t *wish_store_json(const struct wish_store *) __attribute__((warn_unused_result));

#endif
