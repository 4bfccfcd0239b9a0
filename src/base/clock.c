/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t
read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static _Thread_local uint64_t held_us; /* 0: it runs */

void
clock_hold(void)
{
	held_us = read_us(CLOCK_MONOTONIC);
}

void
clock_go_on(void)
{
	held_us = 0;
}

uint64_t
clock_now_us(void)
{
	return held_us != 0 ? held_us : read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

uint64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t
clock_wall_ahead_ms(void)
{
	return ((int64_t)read_us(CLOCK_REALTIME) - (int64_t)read_us(CLOCK_MONOTONIC)) / 1000;
}

/* From 1970-01-01 to January 1st of year. */
static uint64_t
days_before_year(uint64_t year)
{
	uint64_t past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400 - 719162;
}

static unsigned
days_in_month(uint64_t year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month] + (month == 1 ? leap : 0);
}

struct date {
	uint64_t year;
	unsigned month;   /* 0: January */
	unsigned day;     /* of the month, from 1 */
	unsigned weekday; /* 0: Sunday */
	unsigned hour, minute, second;
};

/* Not gmtime_r(): that takes the C library's time zone lock, and any thread may be here. */
static struct date
date_of(uint64_t seconds)
{
	unsigned of_day = (unsigned)(seconds % 86400);
	uint64_t days = seconds / 86400;
	struct date d = {
		.year = 1970 + days / 366, /* at most this year, so the search goes upwards */
		.weekday = (unsigned)((days + 4) % 7), /* 1970 began on a Thursday */
		.hour = of_day / 3600,
		.minute = of_day / 60 % 60,
		.second = of_day % 60,
	};

	while (days >= days_before_year(d.year + 1))
		d.year++;
	days -= days_before_year(d.year);
	while (days >= days_in_month(d.year, d.month))
		days -= days_in_month(d.year, d.month++);
	d.day = (unsigned)days + 1;
	return d;
}

char *
clock_format_wall(uint64_t wall_us, char *buf, size_t size)
{
	struct date d = date_of(wall_us / 1000000);

	snprintf(buf, size, "%04llu-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned long long)d.year,
	    d.month + 1, d.day, d.hour, d.minute, d.second, (unsigned)(wall_us % 1000000 / 1000));
	return buf;
}

char *
clock_format_http(uint64_t wall_us, char *buf, size_t size)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	struct date d = date_of(wall_us / 1000000);

	snprintf(buf, size, "%s, %02u %s %04llu %02u:%02u:%02u GMT", days[d.weekday], d.day,
	    months[d.month], (unsigned long long)d.year, d.hour, d.minute, d.second);
	return buf;
}
