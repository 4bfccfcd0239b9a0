/*
 * What writing requests and answers has in common: which fields stay, copied by the run.
 * Private to the writers of heads.
 */
#ifndef HTTP_FORWARD_FIELDS_H
#define HTTP_FORWARD_FIELDS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "h1_fields.h"
#include "http/forward.h"
#include "http/message.h"
#include "out.h"

/* Names that Connection nominates, beyond the options everybody sends. Borrowed from the head. */
struct nominated {
	unsigned count;
	struct slice names[H1_CONNECTION_OPTIONS];
};

/*
 * Never nominated are fields that framing stands on, nor, by a client, those of routing and of the
 * proxy's own word: it could make us drop what the endpoint relies on us for.
 */
void nominated_collect(struct nominated *, const struct head *);

/* Does the field go along? arg is what the caller passed to fields_copy(). */
typedef bool field_passes_fn(const struct head *, const struct field *, const void *arg);

/*
 * Writes the lines of all fields that pass, are not nominated and not dropped, and then those that
 * the edits add. nominated and edits may be NULL.
 */
void fields_copy(struct out *, const struct head *, const struct nominated *,
    const struct forward_edits *, field_passes_fn *, const void *arg);

/* Do the edits (NULL: none) leave this field out? */
bool fields_drops(const struct forward_edits *, struct slice name);

/* Via, when there is a pseudonym to say; those before us have their own lines. */
void via_put(struct out *, const struct head *, struct slice pseudonym);

/* Does the name begin so? start is lower-case. */
bool name_starts(struct slice name, struct slice start);

#endif
