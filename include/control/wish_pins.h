/*
 * Do the pins of a service fit beside each other? Pure, but for the log.
 */
#ifndef CONTROL_WISH_PINS_H
#define CONTROL_WISH_PINS_H

#include <stdbool.h>

struct wish;
struct wish_reply;
struct wishes;

/*
 * Would those in force and this one come to 100 % at most? A pin of the same region is replaced, so
 * it does not count. False: the reply says whose they are and what is left. True of other wishes.
 */
bool wish_pins_fit(const struct wishes *, const struct wish *, struct wish_reply *);
/* Warns of services whose pins come to more, as only files of before can; each is scaled. */
void wish_pins_warn(const struct wishes *);

#endif
