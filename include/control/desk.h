/*
 * The desk between main and control: main lays down what people wish and ask, control takes the
 * wishes and answers the questions from its own state, which main never touches.
 *
 * Main makes it before control starts and frees it after control has stopped.
 */
#ifndef CONTROL_DESK_H
#define CONTROL_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "steer/wish.h"

struct desk;
struct event_base;
struct steer;

struct desk *desk_new(void);
void desk_free(struct desk *); /* closes */

/* ---- control ---- */

/* Readable when wishes or a question lie there: serve the desk, then decide at once. */
int desk_fd(const struct desk *);
/* The wishes as of the last desk_serve(). Never NULL; valid until the next one. */
const struct wishes *desk_wishes(const struct desk *);
/*
 * A region that a person said restore for, each told once; NULL: no more. Valid until the next call.
 */
const char *desk_restored(struct desk *);

/* What questions are answered from. */
struct desk_world {
	struct steer *const *services;
	unsigned service_count;
	uint64_t now_ms;
};
/* Takes new wishes, then answers what was asked. Also once before the first tick. */
void desk_serve(struct desk *, const struct desk_world *);

/* ---- main ---- */

/* Posts a copy; restored: a region a person said restore for, or NULL. */
void desk_post_wishes(struct desk *, const struct wishes *, const char *restored);

enum desk_kind { DESK_EXPLAIN, DESK_JUDGE, DESK_WAITS };

struct desk_question {
	enum desk_kind kind;
	char service[WISH_NAME]; /* explain */
	/* judge: may the wish come into force, given the others? waits: does its region wait for
	 * us? */
	struct wish wish;
	char overridden[WISH_TEXT];    /* rules to leave out, with commas between them, or "" */
	uint64_t since_last_change_ms; /* UINT64_MAX: there was none */
};

enum { DESK_TEXT = 16 * 1024 };

enum desk_verdict {
	DESK_YES,
	DESK_REFUSED, /* judge: by the rule; waits: it does not */
	DESK_UNKNOWN, /* no such service or region */
	DESK_LATE,    /* control did not answer in time: nothing was changed */
};

struct desk_answer {
	enum desk_verdict verdict;
	char rule[WISH_TEXT]; /* of REFUSED: those broken; with YES: those that are, overridden */
	char asks[3 * WISH_TEXT]; /* the same, each with what it asks for, in words */
	double shed;          /* judge: of the worst-off service's demand, afterwards */
	char text[DESK_TEXT]; /* explain: sentences, a line each; judge: how things would stand */
};

enum { DESK_DEADLINE_MS = 2000 };

typedef void desk_answer_fn(void *arg, const struct desk_answer *);

/* Main's loop, before the first question. */
void desk_open(struct desk *, struct event_base *);
/*
 * Calls answered() exactly once, never before it has returned: with the answer, or with DESK_LATE
 * after DESK_DEADLINE_MS. Questions are put one after the other.
 */
void desk_ask(struct desk *, const struct desk_question *, desk_answer_fn *answered, void *arg);
/* All questions have been answered. */
bool desk_is_quiet(const struct desk *);
/* Answers all that waits with DESK_LATE; before the loop goes away. */
void desk_close(struct desk *);

#endif
