/*
 * Wishes as facts of the journal: who wished for what, why, and for how long. Admin thread only.
 */
#ifndef CONTROL_WISH_TOLD_H
#define CONTROL_WISH_TOLD_H

#include <stdint.h>

#include "steer/fact.h"

struct journal;
struct wish;

/* wall_ms: now, by the clock of the wish; replaces: whose wish for the same thing, or "". */
void wish_tell(struct journal *, enum fact_kind, enum fact_signal, const struct wish *,
    uint64_t wall_ms, const char *rule, const char *replaces);
/* What a rule was asked about, and what it was decided on: shed, of the worst-off service's demand. */
void wish_tell_rule(
    struct journal *, enum fact_kind, const struct wish *, double shed, const char *rule);

#endif
