/*
 * Sticky sessions: the cookie that names an endpoint (steer/sticky.h finds it).
 */
#ifndef PROXY_STICKY_H
#define PROXY_STICKY_H

#include <stdbool.h>

struct choice;
struct edits;
struct exchange;

/* The endpoint that the client's cookie names, if it may be used. False: choose as for anybody. */
bool sticky_wish(const struct exchange *, struct choice *);
/* Says in an answer whom the client met, unless its cookie says so already. */
void sticky_say(const struct exchange *, struct edits *);

#endif
