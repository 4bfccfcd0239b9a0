/*
 * The metrics of what the steering core decided: states of regions, shares, shedding. Main thread.
 */
#ifndef CONTROL_METRICS_STEERING_H
#define CONTROL_METRICS_STEERING_H

struct evbuffer;
struct view;

/* The view must have a table. */
void metrics_write_steering(struct evbuffer *, const struct view *);

#endif
