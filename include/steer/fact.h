/*
 * One fact: a change of routing with its evidence. The journal is a list of these; explain, status
 * and the simulator read them too. Plain data; texts are borrowed from the plan (names) or static.
 */
#ifndef STEER_FACT_H
#define STEER_FACT_H

#include <stddef.h>
#include <stdint.h>

enum fact_kind {
	FACT_NOTHING,
#define FACT(name, word, a, b, c, text) FACT_##name,
#include "steer/fact.def"
#undef FACT
	FACT_KINDS
};

/* Which signal a decision rests on. */
enum fact_signal {
	SIGNAL_NONE,
	SIGNAL_CHECKS,      /* active health checks */
	SIGNAL_IN_A_ROW,    /* consecutive local-origin failures */
	SIGNAL_LOCAL_SHARE, /* share of local-origin failures in 1 s */
	SIGNAL_HEALTH,      /* healthy weight below min_healthy */
	SIGNAL_ERRORS,      /* error rate against the peers, z test */
	SIGNAL_ERRORS_IN_A_ROW, /* answers that were errors, one after the other */
	SIGNAL_LATENCY_P50,
	SIGNAL_LATENCY_P95,
	SIGNAL_STALL, /* completions missing */
	SIGNAL_CAPACITY,
	SIGNAL_CLOCK,       /* our own tick was late, or the clock jumped */
	SIGNAL_MASS_CHANGE, /* too many verdicts at once while traffic succeeds */
	SIGNAL_PERSON,
	SIGNAL_TIME,      /* a wait is over */
	SIGNAL_IN_FLIGHT, /* so many tries are under way that no more are let in */
	SIGNAL_MEMORY,    /* our own is short */
	SIGNAL_COUNT,
};

struct fact {
	enum fact_kind kind;
	enum fact_signal signal;
	uint64_t at_ms;       /* monotonic */
	const char *service;  /* "" if it concerns none in particular */
	const char *region;   /* "" likewise */
	uint32_t endpoint_id; /* UINT32_MAX: none */
	/*
	 * Named in fact.def. Units: from, to, share, shed and healthy are 0..1; demand and capacity
	 * per second; for_ms in ms. value and threshold are in the unit of the signal: a count in a
	 * row or of windows, 0..1 for shares, health and errors, ms for latencies and clocks. c of
	 * SHARES_MOVED has no name and is told to nobody: the share that the log told last; NaN: a step
	 * on the way, which the log leaves to the journal.
	 */
	double a, b, c;
	const char *rule; /* safety rule, or "" */
	const char *into; /* FAILED_OVER: the region that takes most of it, or ""; else NULL */
};

/* Where facts of a tick are gathered; when full the oldest kinds of detail are dropped, counted. */
enum { FACTS_MAX = 256 };
struct facts {
	struct fact list[FACTS_MAX];
	unsigned count;
	unsigned lost;
};

void facts_add(struct facts *, struct fact);
const char *fact_word(enum fact_kind);
const char *fact_text(enum fact_kind);
/* "" when the fact has no such number. which: 0..2 */
const char *fact_number_name(enum fact_kind, unsigned which);
const char *fact_signal_word(enum fact_signal);
enum fact_signal fact_signal_parse(const char *word); /* SIGNAL_NONE: there is no such word */
/*
 * What a state rests on, for people: "3 failures in a row, threshold 3". Empty for signals without
 * a value. Returns the length it has when it is not cut, like snprintf().
 */
size_t fact_evidence_format(
    enum fact_signal, double value, double threshold, char *buf, size_t size);
/*
 * One line for people: 'shop, us-east-1: region is down (3 failures in a row, threshold 3, 2
 * endpoints)'. endpoint: the URL of the one it is about; NULL: its number stands for it. Returns
 * the length it has when it is not cut, like snprintf().
 */
size_t fact_format(const struct fact *, const char *endpoint, char *buf, size_t size);

#endif
