/*
 * What to say to whoever names something that is not there: what is near, and what there is. Pure.
 */
#ifndef CONF_KNOWN_H
#define CONF_KNOWN_H

#include <stddef.h>

#include "conf/nearest.h"

/* How long it may become: a few names of CONF_NAME_MAX, or many short ones. */
enum { KNOWN_BYTES = 512 };

/* Zero-initialised but for nearest.word, the name that is not there. */
struct known {
	struct nearest nearest;
	char list[KNOWN_BYTES];
	unsigned left_off;
};

/* One that there is; name must outlive what is said. */
void known_offer(struct known *, const char *name);
/*
 * Appends "; did you mean east? There are east, west and 3 more", without the question where none
 * is near, to the text that ends somewhere in the size bytes at buf.
 */
void known_say(const struct known *, char *buf, size_t size);

#endif
