/*
 * The demand that services are reckoned with, as --demand says it: of each, or of one by name.
 */
#ifndef CMD_DEMANDS_H
#define CMD_DEMANDS_H

#include <stdbool.h>

struct error;
struct topology;

struct demand {
	const char *service; /* without an end of its own; NULL: each */
	unsigned service_len;
	double per_s;
};

/* Zero-initialised. */
struct demands {
	struct demand *list; /* owned */
	unsigned count;
};

/*
 * "300", "300/s" or "shop=300/s": requests per second, more than 0. text must outlive it. False: it
 * is none of these, and error says what is wrong.
 */
bool demands_add(struct demands *, const char *text, struct error *error);
/* False: one names a service that there is not; error says which there are. */
bool demands_fit(const struct demands *, const struct topology *, struct error *error);
/* Requests per second; one by name outranks one of each, the last said the others. 0: none. */
double demands_of(const struct demands *, const char *service);
void demands_free(struct demands *);

#endif
