/*
 * What the configuration changes about header fields on their way: the service's edits, then the
 * route's, which win; filled in for one message.
 */
#ifndef PROXY_EDITS_H
#define PROXY_EDITS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "http/forward.h"

struct exchange;
struct try;

enum { EDITS_BYTES = 4096, EDITS_NAMES = 96 };

/* One message's edits while it is written; a worker has one. */
struct edits {
	struct forward_edits out;
	struct slice drop[EDITS_NAMES];
	char lines[EDITS_BYTES];
};

/* All return what is valid until the worker's next edits, or NULL: nothing is changed. */
const struct forward_edits *edits_of_request(const struct try *);
const struct forward_edits *edits_of_answer(const struct exchange *);
/* The lines that an answer of our own says as well; may be empty. */
struct slice edits_of_own_answer(const struct exchange *);

/* For those who have more to say in an answer. name must last as long as the message is written. */
void edits_drop(struct edits *, struct slice name);
/* Lines that do not fit are left out, each whole. */
void edits_say(struct edits *, struct slice name, struct slice value);
void edits_say_lines(struct edits *, struct slice lines);

#endif
