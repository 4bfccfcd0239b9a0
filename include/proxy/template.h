/*
 * Text made for one request: templates of the configuration (conf/variable.h) filled in.
 */
#ifndef PROXY_TEMPLATE_H
#define PROXY_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct exchange;
struct template_piece;
struct try;

/* A growing text of bounded size; full: what did not fit is the caller's error. */
struct text {
	char *at;
	size_t len, size;
	bool full;
};

void text_add(struct text *, struct slice);

/*
 * Appends the template as this request fills it: try (NULL: none yet) is whose endpoint it may
 * name, groups (NULL: none) are a pattern's. What is not known is empty.
 */
void template_fill(struct text *, const char *template, const struct exchange *, const struct try *,
    const struct slice *groups);
/* The same for one piece of it. */
void template_fill_piece(struct text *, const struct template_piece *, const struct exchange *,
    const struct try *, const struct slice *groups);

#endif
