/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

const char *
usage_plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

int
usage_print(const struct usage *u)
{
	printf("usage: detour %s\n\n%s", u->synopsis, u->text);
	return EXIT_GOOD;
}

int
usage_wrong(const struct usage *u, const char *fmt, ...)
{
	va_list args;

	fputs("detour: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nusage: detour %s\n", u->synopsis);
	return EXIT_USAGE;
}

int
usage_unknown(const struct usage *u, int got, char **argv)
{
	const char *option = argv[optind - 1];

	if (got == ':')
		return usage_wrong(u, "option '%s' needs a value", option);
	if (optopt > 0 && optopt < 128)
		return usage_wrong(u, "there is no option '-%c'", optopt);
	return usage_wrong(u, "there is no option '%s'", option);
}

bool
usage_surplus(const struct usage *u, int argc, char **argv)
{
	if (optind >= argc)
		return false;
	usage_wrong(u, "'%s' is not expected here", argv[optind]);
	return true;
}
