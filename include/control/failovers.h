/*
 * How often a region of a service was left, for which one, and on what signal. Main thread only;
 * bounded by the names that were ever configured.
 */
#ifndef CONTROL_FAILOVERS_H
#define CONTROL_FAILOVERS_H

#include <stdint.h>

struct evbuffer;
struct failovers;

struct failovers *failovers_new(void);
void failovers_free(struct failovers *); /* NULL is fine */

/* Texts are copied. to: "" if no other region took more. */
void failovers_count(
    struct failovers *, const char *service, const char *from, const char *to, const char *reason);
/* detour_failovers_total, with the labels service, from, to and reason. */
void failovers_write(struct evbuffer *, const struct failovers *);

#endif
