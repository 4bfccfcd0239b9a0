/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
error_set(struct error *e, const char *fmt, ...)
{
	static const char cut[] = "...";
	char text[sizeof e->text];
	va_list args;
	int len;

	/* Formatted apart, because an argument may well be the text that stood here before. */
	va_start(args, fmt);
	len = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (len < 0)
		text[0] = '\0';
	else if ((size_t)len >= sizeof text)
		memcpy(text + sizeof text - sizeof cut, cut, sizeof cut);
	memcpy(e->text, text, strlen(text) + 1);
}

void
error_errno(struct error *e, const char *doing, const char *what)
{
	error_set(e, "%s %s: %m", doing, what);
}
