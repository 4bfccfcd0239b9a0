/*
 * The metrics that carry an endpoint label. Main thread.
 */
#ifndef CONTROL_METRICS_ENDPOINT_H
#define CONTROL_METRICS_ENDPOINT_H

struct evbuffer;
struct view;

/* The view must have a table. */
void metrics_write_endpoints(struct evbuffer *, const struct view *);

#endif
