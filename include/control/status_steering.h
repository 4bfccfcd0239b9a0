/*
 * The part of the status that tells what the steering core decided, and why. Main thread; pure but
 * for reading words.
 */
#ifndef CONTROL_STATUS_STEERING_H
#define CONTROL_STATUS_STEERING_H

#include <jansson.h>

struct service_steering;
struct table_region;
struct table_service;
struct view;

/*
 * Adds region_state, since, since_s, signal, value, threshold (what the state rests on), target
 * (the share it is on its way to), limit (requests per second; null: none), in_flight_limit (tries
 * without an answer yet, likewise), loss (part of demand that would find no place without it),
 * panic and wishes (the evacuation and the pin in force, as /v1/wishes has them).
 */
void status_add_region(
    json_t *into, const struct view *, const struct table_service *, const struct table_region *);
/* Adds mode, demand, shed (of demand), self_suspect and wishes (the freeze in force). */
void status_add_service(json_t *into, const struct view *, const struct table_service *);

/* normal, unproven, fail_open, fail_closed, nothing. */
const char *status_mode_word(const struct service_steering *);

#endif
