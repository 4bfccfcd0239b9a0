/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wall: preloaded into a program, it moves what that takes for the time of day, and nothing else:
 * CLOCK_REALTIME, time() and gettimeofday(). How far, in microseconds, stands in the file that
 * LAB_WALL names, and may change at any time. The machine's own clock is left alone.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_S = 1000000 };

static const _Atomic int64_t *offset_us;

static void __attribute__((constructor)) look(void)
{
	const char *path = getenv("LAB_WALL");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at =
	    fd >= 0 ? mmap(NULL, sizeof *offset_us, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (at == MAP_FAILED) {
		fprintf(stderr, "wall: LAB_WALL must name a file of 8 bytes\n");
		exit(2);
	}
	close(fd);
	offset_us = at;
}

static void
shift(struct timespec *t)
{
	int64_t us = t->tv_nsec / 1000 + atomic_load(offset_us) % US_PER_S;

	t->tv_sec += atomic_load(offset_us) / US_PER_S;
	t->tv_sec += us < 0 ? -1 : us / US_PER_S;
	us = us < 0 ? us + US_PER_S : us % US_PER_S;
	t->tv_nsec = us * 1000 + t->tv_nsec % 1000;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int result = (int)syscall(SYS_clock_gettime, id, t);

	if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		shift(t);
	return result;
}

time_t
time(time_t *t)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (t != NULL)
		*t = now.tv_sec;
	return now.tv_sec;
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*t = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
	return 0;
}
