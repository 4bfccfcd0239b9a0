/*
 * Time. Decisions use the monotonic clock only; the wall clock is for people.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_now_us(void); /* monotonic */
uint64_t clock_now_ms(void); /* monotonic */
uint64_t clock_wall_us(void); /* since 1970, UTC */
/* How far the wall clock is ahead of the monotonic one: changes when it is set. Never held. */
int64_t clock_wall_ahead_ms(void);

/*
 * Between the two the monotonic clock stands still for this thread: what one event brings about
 * happens at one moment, and a request asks the kernel for the time twice instead of fifteen times.
 * For callbacks of an event loop, around all they do; whoever waits for time to pass must not be
 * inside. They don't nest.
 */
void clock_hold(void);
void clock_go_on(void);

/* "2026-11-22T08:27:00.123Z"; size at least 25. Returns buf. */
char *clock_format_wall(uint64_t wall_us, char *buf, size_t size);
/* "Sun, 22 Nov 2026 08:27:00 GMT" (RFC 9110 section 5.6.7); size at least 30. Returns buf. */
char *clock_format_http(uint64_t wall_us, char *buf, size_t size);

#endif
