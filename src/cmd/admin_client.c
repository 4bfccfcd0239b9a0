/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/admin_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { TIMEOUT_S = 10, READ_BYTES = 64 * 1024 };

static const char *
remedy(int err)
{
	switch (err) {
	case ENOENT:
	case ECONNREFUSED:
		return "; is it running? name its socket with --socket PATH, or its file with -c "
		       "FILE";
	case EACCES:
		return "; ask as root or as the user it runs as";
	default:
		return "";
	}
}

static int
connect_to(const char *path, struct error *error)
{
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof to.sun_path) {
		error_set(error, "the socket's path is too long: %s", path);
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
		if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
			return fd;
	}
	error_set(error, "cannot reach Detour at %s: %s%s", path, strerror(errno), remedy(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
send_request(int fd, const char *path)
{
	/* HTTP/1.0: the end of the answer is the end of the connection */
	char *text = mem_printf("GET %s HTTP/1.0\r\n\r\n", path);
	size_t len = strlen(text), at = 0;

	while (at < len) {
		ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	mem_free(text);
	return at == len;
}

/* Until the end; NULL with errno. */
static char *
receive_all(int fd, size_t *len)
{
	size_t size = READ_BYTES;
	char *text = mem_raw(size);
	ssize_t n;

	*len = 0;
	for (;;) {
		if (size - *len < READ_BYTES / 2) {
			size *= 2;
			text = mem_resize(text, size);
		}
		n = recv(fd, text + *len, size - *len - 1, 0);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			mem_free(text);
			return NULL;
		}
		*len += (size_t)n;
	}
	text[*len] = '\0';
	return text;
}

/* Moves the body of a 200 to the front. */
static bool
keep_body(char *text, size_t *len, struct error *error)
{
	static const char blank[] = "\r\n\r\n";
	char *head_end = memmem(text, *len, blank, sizeof blank - 1);
	size_t head_len;

	if (head_end == NULL || strncmp(text, "HTTP/1.", 7) != 0) {
		error_set(error, "what listens there does not speak HTTP");
		return false;
	}
	if (strncmp(text + 8, " 200 ", 5) != 0) {
		*strchr(text, '\r') = '\0';
		error_set(error, "Detour answered: %s", text);
		return false;
	}
	head_len = (size_t)(head_end - text) + sizeof blank - 1;
	*len -= head_len;
	memmove(text, text + head_len, *len + 1);
	return true;
}

char *
admin_get(const char *socket_path, const char *path, size_t *len, struct error *error)
{
	int fd = connect_to(socket_path, error);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (send_request(fd, path))
		text = receive_all(fd, len);
	if (text == NULL)
		error_errno(error, "no answer from", socket_path);
	else if (!keep_body(text, len, error)) {
		mem_free(text);
		text = NULL;
	}
	close(fd);
	return text;
}
