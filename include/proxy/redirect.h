/*
 * Answers that send a client elsewhere. Called by routing.c only.
 */
#ifndef PROXY_REDIRECT_H
#define PROXY_REDIRECT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/fault.h"

struct conf_route;
struct exchange;

/* Is the route's redirect for this (normalised) path? */
bool redirect_wanted(const struct conf_route *, const struct exchange *, struct slice path);

/* Answers with the route's Location; or why it can't. */
enum fault redirect_answer(struct exchange *, const struct conf_route *, struct slice path);
/* The same place over https. RFC 9110 section 15.4.9: 308 keeps the method, as an API needs. */
enum fault redirect_to_https(struct exchange *, struct slice host);

#endif
