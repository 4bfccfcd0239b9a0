/*
 * A text searched for in a body that comes in pieces, with one number of state and no buffer
 * (Knuth, Morris and Pratt, 1977). Pure.
 */
#ifndef CONTROL_NEEDLE_H
#define CONTROL_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct needle;

/* Copies text. The empty text is found in anything, even in nothing. */
struct needle *needle_new(const char *text);
void needle_free(struct needle *);

/*
 * Searches the next piece. *matched is 0 before the first one and belongs to the caller. True: the
 * text has occurred; it stays so for later pieces.
 */
bool needle_feed(const struct needle *, uint32_t *matched, const char *bytes, size_t len);

#endif
