/*
 * The nearest of several names to a misspelt one. Pure.
 */
#ifndef CONF_NEAREST_H
#define CONF_NEAREST_H

/* Zero-initialised but for word. */
struct nearest {
	const char *word; /* as written */
	const char *best; /* of the candidates offered, or NULL when none is near */
	unsigned distance;
};

/*
 * Changes that turn a into b: a letter inserted, removed, replaced, or two neighbours swapped;
 * at most limit + 1 is told. Case counts for nothing.
 */
unsigned nearest_distance(const char *a, const char *b, unsigned limit);

/* Near is at most 2 changes, and fewer for short words: "up" is no misspelling of "tls". */
void nearest_offer(struct nearest *, const char *candidate);

#endif
