/*
 * Problems as they are found, for conf_load(): collected, sorted at the end.
 */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include <stdbool.h>

#include "conf/topology.h"

struct conf_problems;
struct source;

struct report {
	struct conf_problems *problems; /* borrowed */
	const struct source *source; /* orders problems of different files; borrowed */
};

/*
 * text is "what is wrong; what to do". A where with line 0 means the file as a whole. Of a group
 * that is flawed nothing more is told: it would most often follow from what was told before.
 */
void report_error(struct report *, const struct conf_where *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct report *, const struct conf_where *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
unsigned report_errors(const struct report *); /* how many there are so far */
/* By place in the files, then in the order they were found. */
void report_sort(struct report *);
/*
 * Is it still worth looking for what was meant? The search looks at every name there is; after
 * the first few dozen problems nobody reads the hints any more.
 */
bool report_wants_hints(const struct report *);

#endif
