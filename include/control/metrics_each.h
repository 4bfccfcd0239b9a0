/*
 * What the writers of metrics have in common: a sample for each region of each service. Main thread.
 */
#ifndef CONTROL_METRICS_EACH_H
#define CONTROL_METRICS_EACH_H

#include "control/exposition.h"

struct table_region;
struct view;

typedef void metrics_region_fn(
    struct evbuffer *, const struct view *, const struct table_region *, const void *arg);

/* Calls write() for the regions of all services, in the table's order. */
void metrics_each_region(
    struct evbuffer *, const struct view *, metrics_region_fn *write, const void *arg);
/* Its service and its name. */
struct metric_labels metrics_region_labels(const struct table_region *);

#endif
