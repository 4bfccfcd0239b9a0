/*
 * The wishes as JSON, and as a file in state_dir. Main thread.
 */
#ifndef CONTROL_WISH_FILE_H
#define CONTROL_WISH_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "steer/wish.h"

/* One of that list. A new reference. */
json_t *wish_file_json_one(const struct wish *) __attribute__((warn_unused_result));
/* {"version": n, "wishes": [...]}. A new reference. */
json_t *wish_file_json(const struct wishes *) __attribute__((warn_unused_result));

/* Atomically: after a crash there is the old file or the new one. */
bool wish_file_write(const char *state_dir, const struct wishes *, struct error *);
/*
 * Reads what was written, into wishes without any; nothing when there is no file. What cannot be
 * understood is left out with a warning, and the file set aside as wishes.json.bad: then it returns
 * false, and the rest must be written anew.
 */
bool wish_file_read(const char *state_dir, struct wishes *);

#endif
