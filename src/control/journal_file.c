/* SPDX-License-Identifier: Apache-2.0 */
#include "control/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

struct journal_file {
	char *path;
	uint64_t max_bytes;
	unsigned files;
	int fd; /* -1: not open */
	uint64_t size;
};

struct journal_file *
journal_file_new(const char *path, uint64_t max_bytes, unsigned files)
{
	struct journal_file *f = mem_new(sizeof *f);

	f->path = mem_strdup(path);
	f->max_bytes = max_bytes;
	f->files = files;
	f->fd = -1;
	return f;
}

static void
close_file(struct journal_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void
journal_file_free(struct journal_file *f)
{
	if (f == NULL)
		return;
	close_file(f);
	mem_free(f->path);
	mem_free(f);
}

static bool
write_whole(struct journal_file *f, const char *bytes, size_t len)
{
	ssize_t n;

	do
		n = write(f->fd, bytes, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len) {
		f->size += len;
		return true;
	}
	/* a line cut short is worse than none; if that fails too, the next opening ends it */
	if (n > 0) {
		if (ftruncate(f->fd, (off_t)f->size) != 0)
			log_debug("%s ends with half a line: %m", f->path);
		errno = ENOSPC;
	}
	return false;
}

/* A process that died in the middle of a line has left it open. */
static bool
end_torn_line(struct journal_file *f)
{
	char last;

	if (f->size == 0)
		return true;
	if (pread(f->fd, &last, 1, (off_t)f->size - 1) != 1)
		return false;
	return last == '\n' || write_whole(f, "\n", 1);
}

static bool
open_file(struct journal_file *f)
{
	struct stat st;

	f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (f->fd < 0)
		return false;
	if (fstat(f->fd, &st) == 0) {
		f->size = (uint64_t)st.st_size;
		if (end_torn_line(f))
			return true;
	}
	close_file(f);
	return false;
}

static char *
numbered(const struct journal_file *f, unsigned number)
{
	return number == 0 ? mem_strdup(f->path) : mem_printf("%s.%u", f->path, number);
}

/* The oldest is overwritten by its successor. */
static bool
rotate(struct journal_file *f)
{
	bool moved = true;

	close_file(f);
	for (unsigned i = f->files - 1; i > 0 && moved; i--) {
		char *from = numbered(f, i - 1);
		char *to = numbered(f, i);

		moved = rename(from, to) == 0 || errno == ENOENT;
		mem_free(from);
		mem_free(to);
	}
	if (moved && f->files == 1)
		moved = unlink(f->path) == 0 || errno == ENOENT;
	return moved;
}

bool
journal_file_append(struct journal_file *f, const char *line, size_t len)
{
	if (f->fd < 0 && !open_file(f))
		return false;
	/* a file that cannot be moved away must not grow for ever either */
	if (f->size > 0 && f->size + len > f->max_bytes && (!rotate(f) || !open_file(f)))
		return false;
	if (write_whole(f, line, len))
		return true;
	close_file(f);
	return false;
}

static bool
read_range(int fd, char *text, size_t len, off_t from)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = pread(fd, text + at, len - at, from + (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

static void
each_line(const char *text, size_t len, bool from_start, journal_line_fn *fn, void *arg)
{
	const char *at = text, *end = text + len, *newline;

	/* what we began to read in the middle of is no line */
	if (!from_start) {
		newline = memchr(at, '\n', len);
		at = newline != NULL ? newline + 1 : end;
	}
	while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		if (newline > at)
			fn(arg, at, (size_t)(newline - at));
		at = newline + 1;
	}
}

/* False with errno when there is a file that cannot be read. */
static bool
read_tail(const char *path, size_t max_bytes, journal_line_fn *fn, void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	size_t len;
	char *text;
	bool done;

	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return false;
	}
	len = (uint64_t)st.st_size < max_bytes ? (size_t)st.st_size : max_bytes;
	text = mem_raw(len + 1);
	done = read_range(fd, text, len, st.st_size - (off_t)len);
	if (done)
		each_line(text, len, len == (size_t)st.st_size, fn, arg);
	mem_free(text);
	close(fd);
	return done;
}

bool
journal_file_read(const struct journal_file *f, size_t max_bytes, journal_line_fn *fn, void *arg)
{
	struct stat st;

	/* rotated a moment ago: most of the last lines are in the one before */
	if (f->files > 1 && (stat(f->path, &st) != 0 || (uint64_t)st.st_size < max_bytes)) {
		char *before = numbered(f, 1);
		bool done = read_tail(before, max_bytes, fn, arg);

		mem_free(before);
		if (!done)
			return false;
	}
	return read_tail(f->path, max_bytes, fn, arg);
}
