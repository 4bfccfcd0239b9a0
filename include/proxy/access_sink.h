/*
 * Where access-log lines go: standard output, standard error or a file.
 *
 * Opened by main or the log thread, written by the log thread only. A file's write may block on
 * its disk; a pipe, terminal or socket that nobody reads does not, so that stopping never hangs.
 */
#ifndef PROXY_ACCESS_SINK_H
#define PROXY_ACCESS_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct access_sink {
	int fd; /* owned; -1: off */
	bool is_socket;
	bool is_file; /* a path of its own: reopened on request */
};

/* destination is conf_log.access. False with an error when it cannot be opened. */
bool access_sink_open(struct access_sink *, const char *destination, struct error *);
void access_sink_close(struct access_sink *);
/* As write(), never with SIGPIPE; -1 with EAGAIN when nobody reads. */
ssize_t access_sink_write(struct access_sink *, const char *bytes, size_t len);

#endif
