/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	LIMIT_MS = 1000,           /* log_limited(): one line per call site in this time */
	LINE_MAX_BYTES = PIPE_BUF, /* what a pipe takes whole, however many threads write */
	NOTE_MAX_BYTES = 96,
};

static const char *const names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static atomic_int level_wanted = LOG_LEVEL_INFO;
static atomic_uint lines_lost; /* since the last line that was written */

bool
log_level_parse(const char *name, enum log_level *level)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(name, names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&level_wanted, level, memory_order_relaxed);
}

bool
log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&level_wanted, memory_order_relaxed);
}

/* Some of the text may come from a peer, who must not be able to forge lines or drive a terminal.
 */
static void
make_printable(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n' || c == '\t')
			text[i] = ' ';
		else if (c < ' ' || c == 0x7f)
			text[i] = '?';
	}
}

/* Adds to line, which is len long and ends before max; what does not fit is cut. */
static size_t __attribute__((format(printf, 4, 0)))
append(char *line, size_t len, size_t max, const char *fmt, va_list args)
{
	int n = vsnprintf(line + len, max - len, fmt, args);

	if (n < 0)
		return len;
	return len + (size_t)n < max ? len + (size_t)n : max - 1;
}

static size_t __attribute__((format(printf, 4, 5)))
append_note(char *line, size_t len, size_t max, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	len = append(line, len, max, fmt, args);
	va_end(args);
	return len;
}

/*
 * Whoever reads our log may be stuck, and standard error is seldom non-blocking; so ask first.
 * A pipe that polls writable takes PIPE_BUF bytes at once.
 */
static bool
write_line(const char *line, size_t len)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	do
		n = poll(&out, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n != 1 || (out.revents & POLLOUT) == 0)
		return false;
	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

/* The errno of the caller survives and is what %m in fmt shows. */
static void __attribute__((format(printf, 3, 0)))
log_line(enum log_level level, unsigned held_back, const char *fmt, va_list args)
{
	int saved_errno = errno;
	char line[LINE_MAX_BYTES], when[32];
	size_t len, text_at;
	unsigned lost;

	clock_format_wall(clock_wall_us(), when, sizeof when);
	len = append_note(line, 0, sizeof line, "%s %s ", when, names[level]);
	text_at = len;
	errno = saved_errno;
	len = append(line, len, sizeof line - NOTE_MAX_BYTES, fmt, args);
	make_printable(line + text_at, len - text_at);
	if (held_back > 0)
		len = append_note(
		    line, len, sizeof line, " (%u more like this held back)", held_back);
	lost = atomic_exchange_explicit(&lines_lost, 0, memory_order_relaxed);
	if (lost > 0)
		len = append_note(line, len, sizeof line, " (%u lines lost before this)", lost);
	line[len++] = '\n';
	if (!write_line(line, len))
		atomic_fetch_add_explicit(&lines_lost, lost + 1, memory_order_relaxed);
	errno = saved_errno;
}

void
log_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(LOG_LEVEL_ERROR, 0, fmt, args);
	va_end(args);
}

void
log_warn(const char *fmt, ...)
{
	va_list args;

	if (!log_wants(LOG_LEVEL_WARN))
		return;
	va_start(args, fmt);
	log_line(LOG_LEVEL_WARN, 0, fmt, args);
	va_end(args);
}

void
log_info(const char *fmt, ...)
{
	va_list args;

	if (!log_wants(LOG_LEVEL_INFO))
		return;
	va_start(args, fmt);
	log_line(LOG_LEVEL_INFO, 0, fmt, args);
	va_end(args);
}

void
log_debug(const char *fmt, ...)
{
	va_list args;

	if (!log_wants(LOG_LEVEL_DEBUG))
		return;
	va_start(args, fmt);
	log_line(LOG_LEVEL_DEBUG, 0, fmt, args);
	va_end(args);
}

/* True for one caller in each LIMIT_MS, however many threads ask. */
static bool
limit_passes(struct log_limit *limit)
{
	uint64_t now_ms = clock_now_ms();
	unsigned long long next_ms = atomic_load_explicit(&limit->next_ms, memory_order_relaxed);

	if (now_ms < next_ms)
		return false;
	return atomic_compare_exchange_strong_explicit(&limit->next_ms, &next_ms, now_ms + LIMIT_MS,
	    memory_order_relaxed, memory_order_relaxed);
}

void
log_limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
{
	va_list args;

	if (!log_wants(level))
		return;
	if (!limit_passes(limit)) {
		atomic_fetch_add_explicit(&limit->held_back, 1, memory_order_relaxed);
		return;
	}
	va_start(args, fmt);
	log_line(
	    level, atomic_exchange_explicit(&limit->held_back, 0, memory_order_relaxed), fmt, args);
	va_end(args);
}
