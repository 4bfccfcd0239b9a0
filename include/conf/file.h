/*
 * Whole files, read at load time. Main thread.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <stdbool.h>

#include "base/error.h"
#include "conf/topology.h"

struct arena;

/* FILE_ANY takes a pipe too, as a shell's <(command) is one. */
enum file_kind { FILE_REGULAR, FILE_ANY };

/*
 * Reads file->path into bytes (a NUL behind the last one) and len; false with an error that names
 * the path. The bytes are owned: file_forget() frees them, or file_keep() moves them.
 */
bool file_read(struct conf_file *, enum file_kind, struct error *);
void file_forget(struct conf_file *);
/* Moves path and bytes into an arena each, wiping the place they had: they may be a private key. */
void file_keep(struct conf_file *, struct arena *, struct arena *for_bytes);

/* May people who are neither its owner nor in its group read the file? */
bool file_is_exposed(const char *path);

/* The directory part of a path; "" for a path without one. In the arena. */
const char *file_dir(struct arena *, const char *path);

#endif
