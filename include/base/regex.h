/*
 * Regular expressions (PCRE2) over bytes, with bounded effort: a text made to blow up a pattern
 * costs its sender the match, not a worker its time.
 *
 * One is compiled when a configuration is loaded and immutable from then on: any thread may match
 * with it, each with a scratch of its own. Matching allocates nothing once a scratch has grown to
 * what its patterns need.
 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"

struct regex;
struct regex_scratch;

enum { REGEX_GROUPS = 10 }; /* $0, which is the whole match, to $9 */

/* NULL with what is wrong with the pattern, and where. */
struct regex *regex_new(const char *pattern, struct error *);
void regex_free(struct regex *);
const char *regex_text(const struct regex *); /* the pattern */
unsigned regex_groups(const struct regex *); /* how many groups it captures, $0 left aside */

/* One thread's. */
struct regex_scratch *regex_scratch_new(void);
void regex_scratch_free(struct regex_scratch *);

/*
 * What follows has an effort of its own that it may cost all together, half a millisecond of the
 * processor: once for each request. Beyond it nothing matches, and regex_is_over() says so.
 */
void regex_begin(struct regex_scratch *);
bool regex_is_over(const struct regex_scratch *);

/*
 * Does the pattern match somewhere in text? groups, unless NULL, become parts of text; one that
 * took no part is empty. Beyond the limit of effort, of this match or of the budget, the answer is
 * no.
 */
bool regex_find(const struct regex *, struct regex_scratch *, struct slice text,
    struct slice groups[REGEX_GROUPS]);

#endif
