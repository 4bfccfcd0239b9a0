/*
 * From what a core has decided to the words that workers and main read. Control thread only.
 */
#ifndef CONTROL_ACT_H
#define CONTROL_ACT_H

#include <stdbool.h>

struct controller_stats;
struct steer;
struct table_service;

/*
 * Writes what has changed of a service's regions and endpoints, so that at no moment a share points
 * where nothing is usable. whole: every endpoint's word, for it may be new in the table.
 */
void act_service(const struct table_service *, const struct steer *, struct controller_stats *,
    bool whole);

#endif
