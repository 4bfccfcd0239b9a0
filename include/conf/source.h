/*
 * The text of a configuration: the main file with every @include put in its place, and which
 * line of it came from which line of which file.
 *
 * Includes are resolved here and not by the configuration library: it looks for all of them in
 * one directory, can't name the file of an included line in its errors, and ends the process when
 * an included file can't be read, which a reload must survive.
 */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/topology.h"

struct arena;
struct report;
struct source;

/* The arena (borrowed for the source's life) takes the file names, which outlive the source. */
struct source *source_new(struct arena *, struct report *);
void source_free(struct source *);

/* Read the whole text; false when something was reported. Once per source. */
bool source_read_file(struct source *, const char *path);
bool source_read_text(struct source *, const char *text, const char *name, const char *dir);

const char *source_text(const struct source *); /* ends with a NUL, holds no other */
/* Where line (from 1) of the whole text was written. */
struct conf_where source_where(const struct source *, unsigned line);
/*
 * Where the first string of several lines begins, if it ends on this line of the text or before:
 * most of them miss a quote. NULL: there is none.
 */
const struct conf_where *source_long_string(const struct source *, unsigned line);
/* The directory that relative paths on that line are relative to; "" is the current one. */
const char *source_dir(const struct source *, unsigned line);
/* The next file that was read, *at being 0 at first; NULL: that was the last one. */
const char *source_file(const struct source *, unsigned *at);
/* A number that grows along the text. */
unsigned source_position(const struct source *, const struct conf_where *);

/* dir/path, or path alone if it is absolute or dir is "". In the arena. */
const char *source_join(struct arena *, const char *dir, const char *path);

#endif
