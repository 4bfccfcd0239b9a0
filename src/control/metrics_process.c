/* SPDX-License-Identifier: Apache-2.0 */
#include "control/metrics_process.h"

#include <dirent.h>
#include <event2/buffer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/exposition.h"

static void
write_cpu(struct evbuffer *out)
{
	static const char name[] = "process_cpu_seconds_total";
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) != 0)
		return;
	metric_family(out, name, "counter", "User and system CPU time spent in seconds.");
	metric_real(out, name, NULL,
	    (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

static void
write_memory(struct evbuffer *out)
{
	static const char name[] = "process_resident_memory_bytes";
	FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long long size, resident;
	bool read;

	if (statm == NULL)
		return;
	read = fscanf(statm, "%llu %llu", &size, &resident) == 2;
	fclose(statm);
	if (!read)
		return;
	metric_family(out, name, "gauge", "Resident memory size in bytes.");
	metric_count(out, name, NULL, resident * (unsigned long long)sysconf(_SC_PAGESIZE));
}

static void
write_files(struct evbuffer *out)
{
	DIR *fds = opendir("/proc/self/fd");
	struct rlimit limit;
	uint64_t open = 0;

	if (fds != NULL) {
		while (readdir(fds) != NULL)
			open++;
		closedir(fds);
		metric_family(out, "process_open_fds", "gauge", "Number of open file descriptors.");
		metric_count(
		    out, "process_open_fds", NULL, open - 3); /* ".", ".." and fds itself */
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		metric_family(
		    out, "process_max_fds", "gauge", "Maximum number of open file descriptors.");
		metric_count(out, "process_max_fds", NULL, limit.rlim_cur);
	}
}

void
metrics_write_process(struct evbuffer *out, uint64_t started_wall_us)
{
	static const char started[] = "process_start_time_seconds";

	metric_family(
	    out, started, "gauge", "Start time of the process since unix epoch in seconds.");
	metric_real(out, started, NULL, (double)started_wall_us / 1e6);
	write_cpu(out);
	write_memory(out);
	write_files(out);
}
