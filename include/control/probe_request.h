/*
 * What an HTTP probe says. Pure.
 */
#ifndef CONTROL_PROBE_REQUEST_H
#define CONTROL_PROBE_REQUEST_H

#include <stddef.h>

struct endpoint;
struct site;

/* Into buf, terminated; returns the length, or size or more when there is not room enough. */
int probe_request(const struct site *, const struct endpoint *, char *buf, size_t size);

#endif
