/*
 * What the configuration changes about header fields on their way: the service's edits, then the
 * route's, which win; filled in for one message.
 */
#ifndef PROXY_EDITS_H
#define PROXY_EDITS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "conf/shaping.h"
#include "http/forward.h"

struct exchange;
struct try;

/*
 * What the configuration says has its room (CONF_EDITS_BYTES), and so has what is said without it;
 * what a request fills in has its own, so that none is long enough to push out the others.
 */
enum {
	EDITS_OWN = 2 * 1024,
	EDITS_FILLED_IN = 4 * 1024,
	EDITS_BYTES = 2 * CONF_EDITS_BYTES + CONF_CORS_BYTES + EDITS_OWN + EDITS_FILLED_IN,
	EDITS_NAMES = 96,
};

/* One message's edits while it is written; a worker has one. */
struct edits {
	struct forward_edits out;
	struct slice drop[EDITS_NAMES];
	char lines[EDITS_BYTES];
	size_t filled_in; /* bytes of them, that requests have a say in */
};

/* All return what is valid until the worker's next edits, or NULL: nothing is changed. */
const struct forward_edits *edits_of_request(const struct try *);
const struct forward_edits *edits_of_answer(const struct exchange *);
/* The lines that an answer of our own says as well; may be empty. */
struct slice edits_of_own_answer(const struct exchange *);

/* For those who have more to say in an answer. name must last as long as the message is written. */
void edits_drop(struct edits *, struct slice name);
void edits_say(struct edits *, struct slice name, struct slice value);
void edits_say_lines(struct edits *, struct slice lines);
/* value is a request's: the line is left out if it is too long. */
void edits_fill_in(struct edits *, struct slice name, struct slice value);

#endif
