/*
 * The metrics as Prometheus text (exposition format 0.0.4). Main thread; pure but for reading
 * counters and this process's own /proc files.
 *
 * Base units, few labels: nothing a client can choose is ever one. Names are a contract.
 */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

struct evbuffer;
struct view;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(struct evbuffer *, const struct view *);

#endif
