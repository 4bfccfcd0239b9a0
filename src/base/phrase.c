/* SPDX-License-Identifier: Apache-2.0 */
#include "base/phrase.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
phrase_add(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strnlen(buf, size);
	va_list args;

	if (len == size)
		return;
	va_start(args, fmt);
	vsnprintf(buf + len, size - len, fmt, args);
	va_end(args);
}
