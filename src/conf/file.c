/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"

#define MAX_FILE ((size_t)256 << 20)

/* Reads fd to its end. The buffer is wiped when it moves: it may hold a private key. */
static bool
read_all(int fd, size_t expected, struct conf_file *file, struct error *e)
{
	size_t room = expected + 2, len = 0;
	char *bytes = mem_raw(room);

	for (;;) {
		ssize_t got = read(fd, bytes + len, room - len - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			error_errno(e, "cannot read", file->path);
			mem_free(bytes);
			return false;
		}
		if (got == 0)
			break;
		len += (size_t)got;
		if (len > MAX_FILE) {
			error_set(e, "cannot read %s: it is larger than 256 MiB", file->path);
			mem_free(bytes);
			return false;
		}
		if (room - len == 1) {
			char *larger = mem_raw(room * 2);

			memcpy(larger, bytes, len);
			explicit_bzero(bytes, len);
			mem_free(bytes);
			bytes = larger;
			room *= 2;
		}
	}
	bytes[len] = '\0';
	file->bytes = bytes;
	file->len = len;
	return true;
}

bool
file_read(struct conf_file *file, enum file_kind kind, struct error *e)
{
	struct stat st;
	bool good = false;
	int fd;

	/* Nonblocking, so that opening a pipe nobody writes to does not hang a reload. */
	fd = open(
	    file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (kind == FILE_REGULAR ? O_NONBLOCK : 0));
	if (fd < 0) {
		error_errno(e, "cannot open", file->path);
		return false;
	}
	if (fstat(fd, &st) != 0)
		error_errno(e, "cannot stat", file->path);
	else if (S_ISDIR(st.st_mode))
		error_set(e, "cannot read %s: it is a directory", file->path);
	else if (!S_ISREG(st.st_mode) && (kind == FILE_REGULAR || !S_ISFIFO(st.st_mode)))
		error_set(e, "cannot read %s: it is not a regular file", file->path);
	else if (st.st_size > (off_t)MAX_FILE)
		error_set(e, "cannot read %s: it is larger than 256 MiB", file->path);
	else
		good = read_all(fd, (size_t)st.st_size, file, e);
	close(fd);
	return good;
}

/* Bytes that file_read() took are our own, though the struct shows them read-only. */
static void
release(const char *bytes, size_t len)
{
	char *own = (char *)(uintptr_t)bytes;

	explicit_bzero(own, len);
	mem_free(own);
}

void
file_forget(struct conf_file *file)
{
	if (file->bytes == NULL)
		return;
	release(file->bytes, file->len);
	file->bytes = NULL;
	file->len = 0;
}

void
file_keep(struct conf_file *file, struct arena *arena, struct arena *for_bytes)
{
	const char *own = file->bytes;

	file->path = arena_strdup(arena, file->path);
	file->bytes = arena_strndup(for_bytes, own, file->len);
	release(own, file->len);
}

bool
file_is_exposed(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0;
}

const char *
file_dir(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return "";
	return arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path));
}
