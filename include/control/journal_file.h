/*
 * A file of lines that is appended to and rotated by size: path, path.1, path.2 and so on.
 *
 * A disk that is full or gone loses lines, never the caller: each append tries anew. Main thread.
 */
#ifndef CONTROL_JOURNAL_FILE_H
#define CONTROL_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_file;

/* At most files of max_bytes each; nothing is opened yet. */
struct journal_file *journal_file_new(const char *path, uint64_t max_bytes, unsigned files);
void journal_file_free(struct journal_file *); /* NULL is fine */

/* The line with its newline, whole or not at all; false with errno when it was not written. */
bool journal_file_append(struct journal_file *, const char *line, size_t len);

/*
 * Calls fn for each whole line, without its newline, in the last max_bytes of what was written
 * before, oldest first. False with errno when there is a file and it cannot be read.
 */
typedef void journal_line_fn(void *arg, const char *line, size_t len);
bool journal_file_read(const struct journal_file *, size_t max_bytes, journal_line_fn *, void *arg);

#endif
