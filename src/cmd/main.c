/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cmd/command.h"
#include "conf/nearest.h"

static const struct {
	const char *name;
	command_fn *run;
	const char *summary; /* NULL: not listed */
} commands[] = {
	{ "demo", command_demo, "three sample regions and the proxy in front; needs no file" },
	{ "run", command_run, "serve in the foreground" },
	{ "check", command_check,
	    "validate a configuration; what it would serve, and what a lost region would mean" },
	{ "status", command_status,
	    "services, regions and endpoints: state, share, rate, and why" },
	{ "explain", command_explain, "why a service's traffic is where it is, in sentences" },
	{ "journal", command_journal, "what changed in routing, and on what evidence" },
	{ "wishes", command_wishes, "what people wish: evacuations, freezes, pins, until when" },
	{ "evacuate", command_evacuate, "take a region out of rotation, for a reason and a time" },
	{ "restore", command_restore, "give an evacuated region back, by its ramp" },
	{ "freeze", command_freeze, "stop automatic moves but those away from hard failures" },
	{ "unfreeze", command_unfreeze, "let automatic moves go on" },
	{ "pin", command_pin, "set a region's share of a service by hand" },
	{ "unpin", command_unpin, "make a share automatic again" },
	{ "version", command_version, "version, commit and libraries" },
	{ "origin", command_origin, NULL },
};

static void
print_help(FILE *to)
{
	fputs(
	    "Detour keeps an application reachable while a region, or a whole cloud, is failing.\n"
	    "\n"
	    "usage: detour COMMAND [OPTIONS]\n"
	    "\n",
	    to);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].summary != NULL)
			fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fputs("  help      this text, or that of a command: detour help run\n"
	      "\n"
	      "Every command takes --help. Exit codes: 0 good, 1 failed, 2 bad usage.\n"
	      "Try: detour demo\n",
	    to);
}

static command_fn *
find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run;
	return NULL;
}

static int
unknown_command(const char *name)
{
	struct nearest near = { .word = name };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].summary != NULL)
			nearest_offer(&near, commands[i].name);
	if (near.best != NULL)
		fprintf(stderr, "detour: there is no command '%s'; did you mean: detour %s\n", name,
		    near.best);
	else
		fprintf(stderr, "detour: there is no command '%s'; try: detour help\n", name);
	return EXIT_USAGE;
}

static int
help(int argc, char **argv)
{
	char option[] = "--help";
	char *help_argv[] = { argc > 1 ? argv[1] : NULL, option, NULL };
	command_fn *run;

	if (argc < 2) {
		print_help(stdout);
		return EXIT_GOOD;
	}
	run = find_command(argv[1]);
	return run != NULL ? run(2, help_argv) : unknown_command(argv[1]);
}

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	static const char *const help_words[] = { "help", "-h", "--help", NULL };
	static const char *const version_words[] = { "-v", "-V", "--version", NULL };
	char version_name[] = "version";
	char *version_argv[] = { version_name, NULL };
	command_fn *run;

	/* a client that left is an error of one write, not our end */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (is_one_of(argv[1], help_words))
		return help(argc - 1, argv + 1);
	if (is_one_of(argv[1], version_words))
		return command_version(1, version_argv);
	run = find_command(argv[1]);
	return run != NULL ? run(argc - 1, argv + 1) : unknown_command(argv[1]);
}
