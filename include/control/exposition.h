/*
 * Writing Prometheus text: families, samples, labels, histograms. Pure.
 */
#ifndef CONTROL_EXPOSITION_H
#define CONTROL_EXPOSITION_H

#include <stdint.h>

struct evbuffer;
struct histogram_sum;

struct metric_label {
	const char *name;
	const char *value; /* any bytes: escaped here */
};

enum { METRIC_MAX_LABELS = 6 };

/* The labels of a sample, in order; ends at the first without a name. */
struct metric_labels {
	struct metric_label list[METRIC_MAX_LABELS];
};

/* HELP and TYPE; all samples of the family must follow before the next family. */
void metric_family(struct evbuffer *, const char *name, const char *type, const char *help);
void metric_count(struct evbuffer *, const char *name, const struct metric_labels *, uint64_t);
void metric_real(struct evbuffer *, const char *name, const struct metric_labels *, double);
/* The buckets, sum and count of a histogram of microseconds, in seconds. */
void metric_histogram(struct evbuffer *, const char *name, const struct metric_labels *,
    const struct histogram_sum *);

#endif
