/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/admin_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/conf.h"

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
send_all(int fd, const char *text)
{
	size_t len = strlen(text), at = 0;

	while (at < len) {
		ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
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

/* Moves the body to the front. */
static bool
keep_body(char *text, size_t *len, unsigned *status, struct error *error)
{
	static const char blank[] = "\r\n\r\n";
	char *head_end = memmem(text, *len, blank, sizeof blank - 1);
	size_t head_len;

	if (head_end == NULL || sscanf(text, "HTTP/1.%*1u %3u ", status) != 1) {
		error_set(error, "what listens there does not speak HTTP");
		return false;
	}
	head_len = (size_t)(head_end - text) + sizeof blank - 1;
	*len -= head_len;
	memmove(text, text + head_len, *len + 1);
	return true;
}

/* HTTP/1.0: the end of the answer is the end of the connection. */
static char *
ask(const char *socket_path, const char *request, unsigned *status, size_t *len,
    struct error *error)
{
	int fd = connect_to(socket_path, error);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (send_all(fd, request))
		text = receive_all(fd, len);
	if (text == NULL) {
		error_errno(error, "no answer from", socket_path);
	} else if (!keep_body(text, len, status, error)) {
		mem_free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

char *
admin_get(const char *socket_path, const char *path, size_t *len, struct error *error)
{
	char *request = mem_printf("GET %s HTTP/1.0\r\n\r\n", path);
	unsigned status = 0;
	char *text = ask(socket_path, request, &status, len, error);

	mem_free(request);
	if (text == NULL || status == 200)
		return text;
	/* what it says is meant for people, a line of it */
	if (status == 404 && strncmp(text, "there is no ", strlen("there is no ")) == 0)
		error_set(error, "%.*s", (int)strcspn(text, "\r\n"), text);
	else
		error_set(
		    error, "Detour answered %u: %.*s", status, (int)strcspn(text, "\r\n"), text);
	mem_free(text);
	return NULL;
}

char *
admin_post(const char *socket_path, const char *path, const char *body, unsigned *status,
    size_t *len, struct error *error)
{
	char *request = mem_printf("POST %s HTTP/1.0\r\nContent-Type: application/json\r\n"
				   "Content-Length: %zu\r\n\r\n%s",
	    path, strlen(body), body);
	char *text = ask(socket_path, request, status, len, error);

	mem_free(request);
	return text;
}

static char *
socket_of_config(const char *path)
{
	struct conf_problems problems = { .count = 0 };
	char *socket = conf_load_socket(path, &problems);

	if (socket == NULL) {
		conf_problems_print(&problems, stderr);
	} else if (socket[0] == '\0') {
		fprintf(stderr, "detour: %s names no admin socket; set admin.socket\n", path);
		mem_free(socket);
		socket = NULL;
	}
	conf_problems_free(&problems);
	return socket;
}

char *
admin_socket(const char *given, const char *config)
{
	if (given != NULL)
		return mem_strdup(given);
	return config != NULL ? socket_of_config(config) : mem_strdup(ADMIN_DEFAULT_SOCKET);
}
