/*
 * CORS: which pages of other origins may use a route (Fetch standard, section 3.2).
 */
#ifndef PROXY_CORS_H
#define PROXY_CORS_H

#include <stdbool.h>

struct conf_cors;
struct edits;
struct exchange;

/* Does the request only ask what another one may do? */
bool cors_is_preflight(const struct exchange *);
/* Answers it; the fields come with every answer of the route. */
void cors_answer_preflight(struct exchange *);
/* Says in an answer what its origin may do, in the place of what the endpoint says. */
void cors_say(const struct conf_cors *, const struct exchange *, struct edits *);

#endif
