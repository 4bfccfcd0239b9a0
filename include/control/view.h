/*
 * What status and metrics are rendered from: everything borrowed, read by main in one go.
 */
#ifndef CONTROL_VIEW_H
#define CONTROL_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "control/controller.h"
#include "control/tally.h"
#include "proxy/worker.h"

struct failovers;
struct journal_stats;
struct table;
struct wishes;

/* The process and what main did with it. */
struct view_process {
	const char *version;
	const char *commit;
	const char *config; /* path of the file; NULL: none */
	uint64_t started_wall_us;
	bool draining;
	bool reload_successful;          /* the last attempt, the start included */
	uint64_t reload_wall_us;         /* of the last attempt */
	uint64_t reload_success_wall_us; /* of the last that was applied */
	uint64_t reloads_applied;
	uint64_t reloads_refused;
	uint64_t access_log_dropped; /* lines */
	uint64_t refused_syscalls;
};

struct view_worker {
	const struct worker_stats *stats;
	int thread_id;
};

struct view {
	struct view_process process;
	const struct table *table; /* NULL: none published yet */
	const struct tally *tally; /* observed at now_ms */
	const struct view_worker *workers;
	unsigned worker_count;
	const struct controller_stats *control;
	const struct journal_stats *journal; /* NULL: no journal is kept */
	const struct failovers *failovers; /* likewise */
	const struct wishes *wishes; /* of people, in force; NULL: nobody is asked for any */
	bool ready; /* the first table was published */
	uint64_t now_ms;
	uint64_t now_wall_us;
};

#endif
