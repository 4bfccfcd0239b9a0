/*
 * The process's own metrics, under the names all Prometheus clients use for them. Main thread.
 */
#ifndef CONTROL_METRICS_PROCESS_H
#define CONTROL_METRICS_PROCESS_H

#include <stdint.h>

struct evbuffer;

/* What the system does not tell (open files after privileges were dropped) is left out. */
void metrics_write_process(struct evbuffer *, uint64_t started_wall_us);

#endif
