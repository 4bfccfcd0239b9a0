/*
 * Grey failure: a region compared with the others that serve the same service (Huang et al., Gray
 * Failure, HotOS 2017: differential observability). Pure; once a second over a 10 s window.
 */
#ifndef STEER_GREY_H
#define STEER_GREY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "steer/evidence.h"
#include "steer/fact.h"

enum { GREY_SECONDS = 10, GREY_BASELINE_SLOTS = 20, GREY_MIN_TRIES = 100 };

/* One region's memory; zero-initialised. The baseline is the median over 10 min of each quantile. */
struct grey {
	struct histogram_sum seconds[GREY_SECONDS]; /* first-byte latencies, a ring by second */
	uint32_t tries[GREY_SECONDS], errors[GREY_SECONDS];
	unsigned at; /* ring position of the newest second */
	uint64_t p50_us, p95_us; /* of the window */
	uint64_t sure_p50_us, sure_p95_us; /* what they are at least, chance allowed for */
	uint32_t window_tries, window_errors;
	uint32_t samples; /* first bytes in the window */
	/* of the newest second, what took less than one: as it is, at least and at most by chance */
	uint64_t second_p50_us, sure_second_p50_us, most_second_p50_us;
	uint32_t second_samples;
	uint64_t base_p50_us[GREY_BASELINE_SLOTS], base_p95_us[GREY_BASELINE_SLOTS]; /* one per 30 s */
	unsigned base_count, base_at;
	uint64_t base_next_ms;
	uint64_t pending_ms, pending_p50_us, pending_p95_us; /* a sample on trial; 0: none */
	unsigned bad_errors; /* windows in a row whose newest second errs too */
	unsigned bad_p50, bad_p95; /* windows in a row */
	unsigned slower_p50, slower_p95, slower_seconds; /* likewise, whatever the others are */
	uint32_t errors_in_a_row; /* answers that were errors since the last good one */
};

struct grey_verdict {
	bool grey; /* by enough windows, or suddenly */
	bool sudden; /* it is plain from one second: it need not be left slowly */
	bool slower; /* by what it was, whatever the others are */
	bool lonely; /* there is nobody to compare its latency with, who is not slower too */
	bool clean;
	bool half;
	bool common_cause; /* all are bad together: nobody is grey */
	enum fact_signal signal;
	double value, threshold;
	uint32_t peers;
};

/* Closes a second: what came in it. While the region is not UP its baseline rests. */
void grey_second(struct grey *, const struct histogram_sum *first_byte, uint32_t tries,
    uint32_t errors, bool learn, uint64_t now_ms);
/* Judges every region of a service against the others; serving[i]: it has traffic to compare. */
void grey_judge(struct grey *const *regions, const bool *serving, unsigned count,
    struct grey_verdict *verdicts);

/*
 * Each tick: does the region answer mostly with errors, so plainly that three windows need not pass?
 * delta: the tick's counts; the window: the region's. Whose fault it is this does not say.
 */
bool grey_errs(struct grey *, const struct evidence *delta, const struct evidence_window *);
/* The numbers that grey_errs() was true by: errors in a row, or their share of a second's answers. */
enum fact_signal grey_errs_by(
    const struct grey *, const struct evidence *last_1s, double *value, double *threshold);
/*
 * It does (grey_errs()); do the others answer well? others_1s: those of the other regions of the
 * service that do not err so, together. Where they have not answered lately nobody is accused.
 */
bool grey_burst(const struct grey *, const struct evidence *last_1s,
    const struct evidence *others_1s);

/* The baselines; 0 while unknown. */
uint64_t grey_base_p50_us(const struct grey *);
uint64_t grey_base_p95_us(const struct grey *);
/* Begins with a baseline that was learned before: as one sample, so that new ones outweigh it. */
void grey_restore(struct grey *, uint64_t base_p50_us, uint64_t base_p95_us);

/* The two-proportion z statistic; 0 when it is undefined. */
double grey_z(uint32_t bad_a, uint32_t n_a, uint32_t bad_b, uint32_t n_b);
/*
 * Is the first share larger, as good as certainly? At a few errors in a hundred the normal
 * distribution promises too much: at 1 % everywhere z would pass 3.3 by chance every few hours.
 * Anscombe's transform (Biometrika 35, 1948) is honest there; it takes five deviations of it.
 */
bool grey_is_certain(uint32_t bad_a, uint32_t n_a, uint32_t bad_b, uint32_t n_b);

#endif
