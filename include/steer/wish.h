/*
 * What people wish: evacuations, pins, freezes, each with an owner, a reason and an end; and the
 * safety rules that a wish or a move must respect (as AWS ARC). Pure.
 */
#ifndef STEER_WISH_H
#define STEER_WISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/topology.h"

enum wish_kind { WISH_EVACUATE, WISH_FREEZE, WISH_PIN };

const char *wish_word(enum wish_kind);               /* "evacuate", "freeze", "pin" */
bool wish_parse(const char *word, enum wish_kind *); /* false: no such word */

enum { WISH_TEXT = 200, WISHES_MAX = 64, WISH_NAME = CONF_NAME_MAX + 1 };

struct wish {
	enum wish_kind kind;
	char region[WISH_NAME]; /* evacuate, pin */
	char service[WISH_NAME]; /* pin, freeze; "": all */
	double share; /* pin */
	char owner[WISH_NAME];
	char reason[WISH_TEXT];
	uint64_t made_wall_ms; /* since 1970: wishes outlive a restart */
	uint64_t until_wall_ms;
};

struct wishes {
	struct wish list[WISHES_MAX];
	unsigned count;
	uint64_t version; /* grows with each change */
	/*
	 * Of the wall clock that their times are of, before the monotonic one: wishes end by that,
	 * for half an hour stays half an hour when somebody sets the clock.
	 */
	int64_t wall_ahead_ms;
};

const struct wish *wishes_evacuation(const struct wishes *, const char *region);
const struct wish *wishes_freeze(const struct wishes *, const char *service);
const struct wish *wishes_pin(const struct wishes *, const char *service, const char *region);
/* The one for the same thing, which wishes_set() would replace; NULL: there is none. */
const struct wish *wishes_same(const struct wishes *, const struct wish *);
/* Adds, or replaces the one for the same thing. False: full. */
bool wishes_set(struct wishes *, const struct wish *);
/* Takes back; false: there was none. */
bool wishes_drop(struct wishes *, enum wish_kind, const char *service, const char *region);
/* The wall clock was set by so much: they are as old as before, and last as long. */
void wishes_shift(struct wishes *, int64_t by_ms);
/* Removes what is over; calls ended for each. Returns how many. */
unsigned wishes_expire(struct wishes *, uint64_t wall_ms,
    void (*ended)(void *arg, const struct wish *), void *arg);

/* Rules, from the configuration. */
enum safety_kind { SAFETY_AT_LEAST, SAFETY_NEVER_TOGETHER, SAFETY_CAPACITY, SAFETY_WAIT };

struct safety_rule {
	enum safety_kind kind;
	const char *name; /* as --override names it */
	const char *const *regions; /* the set it speaks of; NULL: all */
	unsigned region_count;
	uint32_t number; /* AT_LEAST: how many must serve; WAIT: ms */
};

/*
 * What the rule asks for: "at least 2 regions must serve". Returns the length it has when it is not
 * cut, like snprintf().
 */
size_t safety_describe(const struct safety_rule *, char *buf, size_t size);

/* How things would stand after a change. */
struct safety_after {
	const char *const *regions;
	const bool *serving; /* up or ramping, and not evacuated */
	unsigned region_count;
	double shed; /* largest part of any service's demand that would not fit */
	uint64_t since_last_change_ms; /* UINT64_MAX: there was none */
};

/* The first rule the change would break, or NULL. overridden: a rule's name to leave out, or NULL. */
const struct safety_rule *safety_broken(const struct safety_rule *, unsigned count,
    const struct safety_after *, const char *overridden);

#endif
