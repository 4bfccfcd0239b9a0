/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/*
 * One for good: a supervisor that hears nothing ends us, and it must hear that we go round while
 * there are no descriptors. -1 with errno.
 */
static int
kept_socket(void)
{
	static atomic_int kept = -1;
	int fd = atomic_load(&kept), none = -1;

	if (fd >= 0)
		return fd;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || atomic_compare_exchange_strong(&kept, &none, fd))
		return fd;
	close(fd);
	return none; /* another thread's */
}

/* Nobody asked: nothing is sent. Nobody listens: that is not our failure, but worth a line. */
static void
send_text(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path != NULL ? strlen(path) : 0;
	int fd;

	if (len == 0)
		return;
	if (len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@')) {
		log_warn("NOTIFY_SOCKET is neither a path nor an abstract name: %s", path);
		return;
	}
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = kept_socket();
	if (fd < 0 ||
	    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn("cannot notify %s: %s", path, strerror(errno));
}

void
notify_ready(const char *status)
{
	char text[512];

	snprintf(text, sizeof text, "READY=1\nSTATUS=%s\n", status);
	send_text(text);
}

void
notify_reloading(void)
{
	char text[128];

	/* Type=notify-reload wants the moment, to tell this reload's READY from an older one's */
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading\n",
	    clock_now_us());
	send_text(text);
}

void
notify_stopping(void)
{
	send_text("STOPPING=1\nSTATUS=Draining\n");
}

uint32_t
notify_alive_every_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long limit_us, half_ms;

	if (usec == NULL || (pid != NULL && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	limit_us = strtoull(usec, NULL, 10);
	if (limit_us == 0)
		return 0;
	/* twice in the time that is allowed, as sd_watchdog_enabled(3) recommends */
	half_ms = limit_us / 2000;
	if (half_ms > UINT32_MAX)
		return UINT32_MAX;
	return half_ms > 0 ? (uint32_t)half_ms : 1;
}

void
notify_alive(void)
{
	send_text("WATCHDOG=1\n");
}
