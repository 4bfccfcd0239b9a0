/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/demo_region.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

enum { BACKLOG = 1024, ORIGIN_FD = 3 };

/* Without SO_REUSEPORT on purpose: a port somebody listens on must count as taken. */
static int
bind_loopback(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in at = { .sin_port = 0 };
	socklen_t len = sizeof at;

	return getsockname(fd, (struct sockaddr *)&at, &len) == 0 ? ntohs(at.sin_port) : 0;
}

uint16_t
demo_port(uint16_t wanted)
{
	int fd = bind_loopback(wanted);
	uint16_t port;

	if (fd < 0)
		return 0;
	port = port_of(fd);
	close(fd);
	return port;
}

/*
 * Between fork and exec only what is safe there: other threads may have held any lock. Its own
 * process group, so that Ctrl-C ends the demo and the demo ends it, in this order.
 */
static void __attribute__((noreturn)) become_origin(char *const *argv, int fd, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
	/* dup2() onto itself would leave it close-on-exec */
	if (fd == ORIGIN_FD)
		fd = dup(fd);
	if (fd >= 0 && dup2(fd, ORIGIN_FD) == ORIGIN_FD)
		execv("/proc/self/exe", argv);
	_exit(1);
}

bool
demo_region_start(struct demo_region *r, struct error *error)
{
	char program[] = "detour", command[] = "origin", descriptor[] = "3";
	char *name = mem_strdup(r->name), *provider = mem_strdup(r->provider);
	char *argv[] = { program, command, name, provider, descriptor, NULL };
	pid_t parent = getpid(), pid = -1;
	int fd = bind_loopback(r->port);

	if (fd >= 0 && listen(fd, BACKLOG) == 0) {
		r->port = port_of(fd);
		pid = fork();
	}
	if (pid == 0)
		become_origin(argv, fd, parent);
	if (pid < 0)
		error_errno(error, "cannot start region", r->name);
	else
		r->pid = pid;
	if (fd >= 0)
		close(fd);
	mem_free(name);
	mem_free(provider);
	return pid > 0;
}

bool
demo_region_reap(struct demo_region *r, int *status)
{
	if (r->pid == 0 || waitpid(r->pid, status, WNOHANG) != r->pid)
		return false;
	r->pid = 0;
	return true;
}

void
demo_region_stop(struct demo_region *r)
{
	if (r->pid == 0)
		return;
	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	r->pid = 0;
}
