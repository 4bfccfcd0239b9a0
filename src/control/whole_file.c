/* SPDX-License-Identifier: Apache-2.0 */
#include "control/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool
write_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

static bool
write_fresh(const char *path, const char *text, size_t len, struct error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	bool written;

	if (fd < 0) {
		error_errno(error, "cannot open", path);
		return false;
	}
	written = write_all(fd, text, len);
	if (!written)
		error_errno(error, "cannot write", path);
	close(fd);
	return written;
}

/* The name is on disk when its directory is. */
static void
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd); /* some file systems cannot; the file itself is synced */
	close(fd);
}

bool
whole_file_write(
    const char *dir, const char *name, const char *text, size_t len, struct error *error)
{
	char *path = mem_printf("%s/%s", dir, name);
	char *fresh = mem_printf("%s.new", path);
	bool good = true;

	if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
		error_errno(error, "cannot make", dir);
		good = false;
	}
	good = good && write_fresh(fresh, text, len, error);
	if (good && rename(fresh, path) != 0) {
		error_errno(error, "cannot rename", fresh);
		good = false;
	}
	if (good)
		sync_dir(dir);
	else
		(void)unlink(fresh); /* it would only hold space that may be what is missing */
	mem_free(fresh);
	mem_free(path);
	return good;
}
