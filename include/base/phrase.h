/*
 * A text for people that is put together bit by bit in a buffer.
 */
#ifndef BASE_PHRASE_H
#define BASE_PHRASE_H

#include <stddef.h>

/* Appends to the text that ends somewhere in the size bytes at buf; what does not fit is cut. */
void phrase_add(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
