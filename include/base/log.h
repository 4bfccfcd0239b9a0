/*
 * The error log: one line per event on standard error (or a file), written whole by one write().
 *
 * Any thread. Never called on the request path in steady state: lines that traffic can cause go
 * through log_limited(), which lets at most one line per second per call site through and says
 * how many it held back.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hints.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Per call site; zero-initialised. */
struct log_limit {
	atomic_ullong next_ms;
	atomic_uint held_back;
};

/* False: no such level; *level is untouched. */
bool log_level_parse(const char *name, enum log_level *level);
void log_set_level(enum log_level);
bool log_wants(enum log_level);

COLD void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
COLD void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
COLD void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
COLD void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_limited(struct log_limit *, enum log_level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
