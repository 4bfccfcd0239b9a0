/*
 * The subcommands of the one binary, and what they have in common.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <stdbool.h>

enum exit_code {
	EXIT_GOOD = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_ABSORBED = 3, /* check: some region must not be lost */
	EXIT_FORCED = 3, /* run: ended before everything in flight was done */
};

/* argv[0] is the subcommand's name; returns an exit code. */
typedef int command_fn(int argc, char **argv);

command_fn command_run;
command_fn command_check;
command_fn command_status;
command_fn command_explain;
command_fn command_journal;
command_fn command_evacuate;
command_fn command_restore;
command_fn command_freeze;
command_fn command_unfreeze;
command_fn command_pin;
command_fn command_unpin;
command_fn command_wishes;
command_fn command_demo;
command_fn command_version;
command_fn command_origin; /* one of the demo's regions; not listed */

/* What a command takes, as it is printed for --help and after a mistake. */
struct usage {
	const char *synopsis; /* "run -c FILE" */
	const char *text;     /* what it does and its options, lines */
};

/* Prints the whole usage on standard output; returns EXIT_GOOD. */
int usage_print(const struct usage *);
const char *usage_plural(unsigned count); /* "s", or "" of one */
/* Prints what is wrong and the synopsis on standard error; returns EXIT_USAGE. */
int usage_wrong(const struct usage *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* getopt_long() met something it does not know ('?') or lacks (':'); says so, as usage_wrong(). */
int usage_unknown(const struct usage *, int got, char **argv);
/* Arguments behind the options are a mistake: says so and returns true. */
bool usage_surplus(const struct usage *, int argc, char **argv);

#endif
