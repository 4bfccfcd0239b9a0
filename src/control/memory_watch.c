/* SPDX-License-Identifier: Apache-2.0 */
#include "control/memory_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Of the limit: to leave a level, use must fall so far below it. */
#define RELIEF 0.02

void
memory_watch_open(struct memory_watch *m)
{
	*m = (struct memory_watch){ .fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC) };
	if (m->fd < 0)
		log_warn("cannot read /proc/self/statm: %s; memory.limit is not watched",
		    strerror(errno));
}

void
memory_watch_close(struct memory_watch *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

enum pressure
memory_level(uint64_t used_bytes, const struct conf_memory *conf, enum pressure before)
{
	const double from[] = { 0, conf->shed, conf->shrink, conf->stop };
	double part = (double)used_bytes / (double)conf->limit_bytes;
	enum pressure level = conf->limit_bytes > 0 ? PRESSURE_STOP : PRESSURE_NONE;

	while (
	    level > PRESSURE_NONE && part < (level <= before ? from[level] - RELIEF : from[level]))
		level--;
	return level;
}

/* "1234 567 ...": pages, of all of it and of what is in memory. */
static bool
read_used(struct memory_watch *m)
{
	char text[128];
	ssize_t n = m->fd >= 0 ? pread(m->fd, text, sizeof text - 1, 0) : -1;
	unsigned long long all, resident;

	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &all, &resident) != 2)
		return false;
	m->used_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static void
tell(const struct memory_watch *m, const struct conf_memory *conf)
{
	static const char *const what[] = {
		[PRESSURE_NONE] = "enough again",
		[PRESSURE_SHED] = "requests of low priority are shed",
		[PRESSURE_SHRINK] = "connections are not kept, reserves are given back",
		[PRESSURE_STOP] = "no new connections are accepted",
	};

	log_warn("memory: %" PRIu64 " of %" PRIu64 " MiB (%.0f %%) used: %s", m->used_bytes >> 20,
	    conf->limit_bytes >> 20, 100.0 * (double)m->used_bytes / (double)conf->limit_bytes,
	    what[m->level]);
}

bool
memory_watch_look(struct memory_watch *m, const struct conf_memory *conf)
{
	enum pressure before = m->level;

	if (!read_used(m))
		return false;
	m->level = memory_level(m->used_bytes, conf, before);
	if (m->level == before)
		return false;
	tell(m, conf);
	return true;
}
