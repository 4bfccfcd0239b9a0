/*
 * Values as people write them: durations, sizes, numbers, lists of statuses, and variables of the
 * environment in strings. Pure but for the environment.
 *
 * The error of each says what was expected and found, and what to write instead.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "conf/topology.h"

struct arena;

/* "250ms", "2s", "1.5m", "1h", "7d"; "0" needs no unit. */
bool value_duration(const char *text, uint64_t *ms, struct error *);
/* "512B", "64KiB", "1MB", "1.5GiB"; "0" needs no unit. */
bool value_size(const char *text, uint64_t *bytes, struct error *);
bool value_integer(const char *text, int64_t *value, struct error *);
bool value_float(const char *text, double *value, struct error *);
/* "200" or "200-299". */
bool value_status_range(const char *text, struct conf_status_range *, struct error *);

/*
 * Puts variables of the environment into text: ${NAME}, ${NAME:-default} when it may be unset or
 * empty, $$ for a dollar sign. With keep_request it stays a template: what conf/variable.def names,
 * $0 to $9 and $$ stay as they are.
 * *out is text itself or in the arena.
 */
bool value_expand(const char *text, bool keep_request, struct arena *, const char **out,
    struct error *);

/* For messages: the shortest text that value_duration() or value_size() reads as the value. */
const char *value_format_duration(uint64_t ms, char buf[32]);
const char *value_format_size(uint64_t bytes, char buf[32]);

#endif
