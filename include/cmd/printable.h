/*
 * Texts that came from elsewhere, so printed that they do not act on a terminal: a control
 * character (C0, DEL, or C1 as UTF-8) is shown, not sent. All other bytes stay as they are.
 */
#ifndef CMD_PRINTABLE_H
#define CMD_PRINTABLE_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* Up to len bytes, less if the text ends before: "\n", "\t", "\x1b", "\u009b" stand for what they
 * mean. */
void printable_text(FILE *, const char *text, size_t len);
/* The same of many lines: line feeds stay. */
void printable_lines(FILE *, const char *text);
/* Of JSON, whose own line feeds stay; in its strings the rest is written as JSON has it: \u009b. */
void printable_json(FILE *, const char *json);
/* The same of a value; flags are jansson's, how numbers are written is known. */
void printable_dump(FILE *, const json_t *, size_t flags);

#endif
