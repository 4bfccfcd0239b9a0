/*
 * A small file in state_dir, written whole beside the old one and renamed over it: a reader, and a
 * power failure, see one or the other. Main thread.
 */
#ifndef CONTROL_WHOLE_FILE_H
#define CONTROL_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Makes the directory if there is none. False with an error: what was there before is untouched. */
bool whole_file_write(
    const char *dir, const char *name, const char *text, size_t len, struct error *);

#endif
