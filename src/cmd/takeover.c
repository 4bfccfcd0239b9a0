/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/takeover.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

/* False: nobody listens there. */
static bool
ask_peer(const char *path, struct ucred *peer)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof *peer;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd < 0 || strlen(path) >= sizeof un.sun_path)
		return false;
	memcpy(un.sun_path, path, strlen(path) + 1);
	there = connect(fd, (const struct sockaddr *)&un, sizeof un) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) == 0;
	close(fd);
	return there;
}

bool
takeover_find(struct takeover *t, const char *admin_socket, struct error *error)
{
	struct ucred peer = { .pid = 0 };

	*t = (struct takeover){ .pidfd = -1 };
	if (admin_socket[0] == '\0') {
		error_set(error, "--take-over needs admin.socket, by which the other one is found");
		return false;
	}
	if (!ask_peer(admin_socket, &peer))
		return true;
	if (peer.pid <= 0) {
		error_set(error,
		    "the process that serves %s lives in another pid namespace: it cannot be taken "
		    "over from here",
		    admin_socket);
		return false;
	}
	t->pidfd = pidfd_open(peer.pid, 0);
	if (t->pidfd >= 0)
		t->pid = peer.pid;
	else if (errno != ESRCH)
		error_errno(error, "cannot watch the process that serves", admin_socket);
	return t->pidfd >= 0 || errno == ESRCH;
}

void
takeover_finish(struct takeover *t)
{
	if (t->pidfd < 0)
		return;
	if (pidfd_send_signal(t->pidfd, SIGTERM, NULL, 0) == 0)
		log_info("pid %d, which served so far, is told to leave", (int)t->pid);
	else if (errno != ESRCH)
		log_error(
		    "pid %d serves on beside us: it cannot be told to leave: %m", (int)t->pid);
	close(t->pidfd);
	t->pidfd = -1;
}
