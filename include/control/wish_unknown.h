/*
 * Does the configuration know what a wish names? Pure.
 */
#ifndef CONTROL_WISH_UNKNOWN_H
#define CONTROL_WISH_UNKNOWN_H

#include <stddef.h>

struct topology;
struct wish;

/* NULL: it does; else what it does not know, in words, into buf: "there is no region 'east'". */
const char *wish_unknown(const struct topology *, const struct wish *, char *buf, size_t size);
/*
 * For whoever made a wish for what is not known: appends what there is instead, "; did you mean
 * west? There are west, far", to the text that ends somewhere in the size bytes at buf.
 */
void wish_say_known(const struct topology *, const struct wish *, char *buf, size_t size);

#endif
