/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * An own open file description of a pipe or terminal, so that O_NONBLOCK does not reach the
 * others who share it. Not for files: two descriptions of one file would overwrite each other
 * when the shell sent both standard streams there.
 */
static int
open_standard(int fd, bool *is_socket)
{
	char path[32];
	struct stat st;
	int own = -1;

	if (fstat(fd, &st) != 0)
		return -1;
	*is_socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		own = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	}
	/* no right to open it anew: share it, and let a reader that stops stall the log thread */
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

bool
access_sink_open(struct access_sink *sink, const char *destination, struct error *error)
{
	*sink = (struct access_sink){ .fd = -1 };
	if (strcmp(destination, "off") == 0)
		return true;
	if (strcmp(destination, "stdout") == 0) {
		sink->fd = open_standard(STDOUT_FILENO, &sink->is_socket);
	} else if (strcmp(destination, "stderr") == 0) {
		sink->fd = open_standard(STDERR_FILENO, &sink->is_socket);
	} else {
		sink->fd =
		    open(destination, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
		sink->is_file = true;
	}
	if (sink->fd < 0) {
		error_errno(error, "cannot open the access log", destination);
		return false;
	}
	return true;
}

void
access_sink_close(struct access_sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
}

ssize_t
access_sink_write(struct access_sink *sink, const char *bytes, size_t len)
{
	ssize_t n;

	do {
		if (sink->is_socket)
			n = send(sink->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = write(sink->fd, bytes, len);
	} while (n < 0 && errno == EINTR);
	return n;
}
