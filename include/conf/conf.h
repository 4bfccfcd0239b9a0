/*
 * Reading a configuration file into a topology.
 *
 * Main thread only; blocks on files, never on the network.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stdio.h>

struct topology;

/*
 * Every problem found in one run, in file order; each "file:line: what is wrong; what to do", a
 * warning "file:line: warning: ...". A problem of a file as a whole has no line.
 */
struct conf_problems {
	struct conf_problem {
		char *text;
		bool warning;
		unsigned position; /* sorts them; no meaning outside */
	} *list;
	unsigned count;
	unsigned errors; /* the others are warnings */
};

/*
 * Parses and validates path. Returns a topology with one reference, or NULL when there was any
 * error; problems is filled either way (it may hold warnings) and is freed by the caller with
 * conf_problems_free(). Files the configuration names (certificates, keys) are read here. Called by
 * root, asks in a process of its own what the configured user could read.
 */
struct topology *conf_load(const char *path, struct conf_problems *problems);
/* The same in a process that serves, by whom it has become: asks nothing for anybody else. */
struct topology *conf_reload(const char *path, struct conf_problems *problems);
/* The same from text (demo, tests, fuzzing); name stands for the file in messages, relative paths
 * are relative to dir. */
struct topology *conf_load_text(const char *text, const char *name, const char *dir,
    struct conf_problems *problems);
/*
 * Only admin.socket of the file, "" if it names none; whatever else is wrong with it, or may not be
 * read by who asks, does not matter. NULL when there was an error on the way there. The caller frees
 * it with mem_free(), and problems as above.
 */
char *conf_load_socket(const char *path, struct conf_problems *problems);
void conf_problems_free(struct conf_problems *);
void conf_problems_print(const struct conf_problems *, FILE *);

/* The reference of every key: conf/REFERENCE.md is this, and a test keeps it so. */
void conf_print_reference(FILE *);

#endif
