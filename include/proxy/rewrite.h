/*
 * The path that a request asks the service for, when the route says another one. Called by
 * routing.c only.
 */
#ifndef PROXY_REWRITE_H
#define PROXY_REWRITE_H

#include "base/bytes.h"
#include "base/fault.h"

struct conf_route;
struct exchange;

/* Sets x->path, in x->block, if the route changes this (normalised) path; or why it can't. */
enum fault rewrite_path(struct exchange *, const struct conf_route *, struct slice path);

#endif
