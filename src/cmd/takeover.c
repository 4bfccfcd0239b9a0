/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* Two at once would replace each other, and the first be told to leave twice. */
static bool
lock(struct takeover *t, const char *path, struct error *error)
{
	const char *slash = strrchr(path, '/');
	char *dir = mem_strdup(slash == NULL ? "." : slash == path ? "/" : path);
	bool good;

	if (slash != NULL && slash != path)
		dir[slash - path] = '\0';
	t->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = t->lock >= 0 ? flock(t->lock, LOCK_EX | LOCK_NB) == 0 : errno == ENOENT;
	if (!good && errno == EWOULDBLOCK)
		error_set(error, "another process is just taking over by %s; wait for it", path);
	else if (!good)
		error_errno(error, "cannot lock the directory of admin.socket,", dir);
	mem_free(dir);
	return good;
}

/* -1 with errno: nobody can be asked there. A pid of 0 is of another namespace. */
static pid_t
ask_pid(const char *path)
{
	const struct timeval patience = { .tv_sec = 2 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct ucred peer = { .pid = -1 };
	socklen_t len = sizeof peer;
	int fd, err;

	if (strlen(path) >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	memcpy(un.sun_path, path, strlen(path) + 1);
	/* the full queue of one that stands still would keep us for ever */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&un, sizeof un) == 0)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	err = errno;
	close(fd);
	errno = err;
	return peer.pid;
}

static bool
is_nobody(int err)
{
	return err == ENOENT || err == ECONNREFUSED;
}

bool
takeover_find(struct takeover *t, const char *admin_socket, struct error *error)
{
	pid_t pid;

	*t = (struct takeover){ .pidfd = -1, .lock = -1 };
	if (admin_socket[0] == '\0') {
		error_set(error, "--take-over needs admin.socket, by which the other one is found");
		return false;
	}
	if (!lock(t, admin_socket, error))
		return false;
	pid = ask_pid(admin_socket);
	if (pid < 0 && is_nobody(errno))
		return true;
	if (pid < 0) {
		error_errno(error, "cannot ask who serves", admin_socket);
		return false;
	}
	if (pid == 0) {
		error_set(error,
		    "the process that serves %s lives in another pid namespace: it cannot be taken "
		    "over from here",
		    admin_socket);
		return false;
	}
	t->pidfd = pidfd_open(pid, 0);
	if (t->pidfd < 0 && errno != ESRCH) {
		error_errno(error, "cannot watch the process that serves", admin_socket);
		return false;
	}
	/* only if it still serves is it certain that its number is nobody else's by now */
	if (t->pidfd >= 0 && ask_pid(admin_socket) == pid) {
		t->pid = pid;
		return true;
	}
	error_set(error, "the process that served %s has just ended; try again", admin_socket);
	return false;
}

bool
takeover_may(const struct takeover *t, struct error *error)
{
	if (t->pidfd < 0 || pidfd_send_signal(t->pidfd, 0, NULL, 0) == 0 || errno == ESRCH)
		return true;
	error_set(error,
	    "pid %d, which serves, could not be told to leave: %s; run as the same user",
	    (int)t->pid, strerror(errno));
	return false;
}

void
takeover_finish(struct takeover *t)
{
	if (t->pidfd >= 0 && pidfd_send_signal(t->pidfd, SIGTERM, NULL, 0) == 0)
		log_info("pid %d, which served so far, is told to leave", (int)t->pid);
	else if (t->pidfd >= 0 && errno != ESRCH)
		log_error(
		    "pid %d serves on beside us: it cannot be told to leave: %m", (int)t->pid);
	takeover_leave(t);
}

void
takeover_leave(struct takeover *t)
{
	if (t->pidfd >= 0)
		close(t->pidfd);
	if (t->lock >= 0)
		close(t->lock);
	t->pidfd = t->lock = -1;
}
