/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stat.h"

#include "base/log.h"

enum { CACHE_LINE = 64 };

/* NULL: nobody asked for this thread's count. */
static _Thread_local atomic_ullong *thread_counter;

static _Noreturn void
die(size_t size)
{
	log_error("out of memory: no %zu bytes to be had", size);
	abort();
}

static void *
checked(void *p, size_t size)
{
	if (p == NULL)
		die(size);
	mem_count_one();
	return p;
}

void *
mem_new(size_t size)
{
	return checked(calloc(1, size + (size == 0)), size);
}

void *
mem_raw(size_t size)
{
	return checked(malloc(size + (size == 0)), size);
}

void *
mem_array(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		die(SIZE_MAX);
	return mem_new(bytes);
}

void *
mem_resize(void *p, size_t size)
{
	return checked(realloc(p, size + (size == 0)), size); /* realloc(p, 0) would free */
}

char *
mem_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(mem_raw(size), text, size);
}

char *
mem_printf(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	return checked(len < 0 ? NULL : text, 0);
}

static size_t
whole_lines(size_t size)
{
	size_t bytes;

	if (__builtin_add_overflow(size + (size == 0), CACHE_LINE - 1, &bytes))
		die(size);
	return bytes - bytes % CACHE_LINE;
}

void *
mem_raw_lines(size_t size)
{
	size_t bytes = whole_lines(size);

	return checked(aligned_alloc(CACHE_LINE, bytes), bytes);
}

void *
mem_lines(size_t size)
{
	return memset(mem_raw_lines(size), 0, whole_lines(size));
}

void
mem_free(void *p)
{
	free(p);
}

void
mem_count_into(atomic_ullong *counter)
{
	thread_counter = counter;
}

void
mem_count_one(void)
{
	if (thread_counter != NULL)
		stat_add(thread_counter, 1); /* this thread is its only writer */
}
