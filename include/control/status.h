/*
 * The status as JSON: what `detour status` and GET /v1/status show. Main thread; pure but for
 * reading counters.
 *
 * Keys are a contract with scripts: they may be added to, never renamed or given another unit.
 */
#ifndef CONTROL_STATUS_H
#define CONTROL_STATUS_H

#include <jansson.h>

struct table_region;
struct view;

/* A new reference; the caller gives it back with json_decref(). */
json_t *status_json(const struct view *) __attribute__((warn_unused_result));

/*
 * A region's part in a service, in one word: serving, standby (fit, but a lower tier serves), grey,
 * down, hold (well again, and waiting), ramp, evacuated, fail_open (everything is down, health is
 * ignored), empty (its names have no address).
 */
const char *status_region_word(const struct table_region *);

#endif
