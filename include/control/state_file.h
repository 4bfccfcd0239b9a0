/*
 * The snapshot on disk: state_dir/state.json. Main thread.
 *
 * Written whole beside the old one, then renamed over it: a reader, and a power failure, see one or
 * the other. What is wrong with it or with the disk is a warning and nothing else.
 */
#ifndef CONTROL_STATE_FILE_H
#define CONTROL_STATE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct event_base;
struct mailbox;
struct state;
struct state_keeper;

/* False with an error: what was there before is untouched. Makes the directory if there is none. */
bool state_file_write(const char *dir, const struct state *, struct error *);
/*
 * What was written there, sorted, no older than STATE_MAX_AGE_MS at now_wall_ms. NULL with an error
 * whose text is empty when there simply is none.
 */
struct state *state_file_read(const char *dir, uint64_t now_wall_ms, struct error *);

/* Writes what control posts into the box (of struct state), as it comes. dir "": drops it. */
struct state_keeper *state_keeper_new(struct event_base *, struct mailbox *box, const char *dir);
void state_keeper_set_dir(struct state_keeper *, const char *dir);
/* Writes what still lies in the box. NULL is fine. */
void state_keeper_free(struct state_keeper *);

#endif
