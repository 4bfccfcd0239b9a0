/*
 * Control's answers to what main asks over the desk: why traffic is where it is, and whether a wish
 * may come into force. Pure: from the services' steering, which it does not change.
 */
#ifndef CONTROL_JUDGE_H
#define CONTROL_JUDGE_H

#include "control/desk.h"

/* wishes: those in force. The answer is zeroed by the caller. */
void judge_explain(
    const struct desk_world *, const struct wishes *, const char *service, struct desk_answer *);

/*
 * YES: for some service the region is well again and waits, which a person may end; REFUSED: it
 * does not, and the text says in which states it is instead.
 */
void judge_waits(const struct desk_world *, const char *region, struct desk_answer *);

/*
 * An evacuation, or a pin to nothing, is measured as the loss of the region; other pins by capacity
 * alone; a freeze moves nothing and is always fine. What serves nothing now can be taken out
 * without breaking anything. wishes: those in force.
 */
void judge_wish(const struct desk_world *, const struct wishes *, const struct desk_question *,
    struct desk_answer *);

#endif
