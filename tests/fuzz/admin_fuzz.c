/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes to the admin socket of a running proxy: each is answered or its connection closed, and
 * what is asked for afterwards is answered still.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "oracle.h"
#include "world/world.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	world_start("");
	return 0;
}

/* Sends, says that this is all, and reads until the other end closes. */
static size_t
ask(const void *bytes, size_t len, char *out, size_t size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t got = 0;

	snprintf(a.sun_path, sizeof a.sun_path, "%s", world_admin());
	must(connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "the admin side accepts");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)!send(fd, bytes, len, MSG_NOSIGNAL);
	for (unsigned turns = 0;; turns++) {
		ssize_t n;

		must(turns < 100000, "a connection that has ended is closed");
		world_turn();
		n = recv(fd, out + got, size - got, 0);
		if (n > 0)
			got += (size_t)n;
		if (n == 0 || (n < 0 && errno != EAGAIN) || got == size)
			break;
		if (turns == 3)
			shutdown(fd, SHUT_WR);
	}
	close(fd);
	return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char alive[] = "GET /livez HTTP/1.0\r\n\r\n";
	static char out[1 << 20];
	size_t len;

	ask(data, size, out, sizeof out);
	len = ask(alive, sizeof alive - 1, out, sizeof out);
	must(len > 12 && memcmp(out, "HTTP/1", 6) == 0 && memcmp(out + 9, "200", 3) == 0,
	    "it is alive");
	return 0;
}
