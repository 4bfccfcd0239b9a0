/*
 * A ramp tells of each second of itself. Whoever reads what happened wants it told once.
 */
#ifndef CMD_MOVES_H
#define CMD_MOVES_H

#include <jansson.h>

/*
 * Of facts of the journal, oldest first: moves of one region's share in one direction, with nothing
 * else told of its service in between, become the first of them, whose text says how far it went,
 * in how many steps and until when. A new array; facts is not changed.
 */
json_t *moves_fold(const json_t *facts) __attribute__((warn_unused_result));

#endif
