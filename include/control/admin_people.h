/*
 * The part of the admin side that serves people's questions and wishes: the journal, explanations,
 * evacuations, freezes and pins. Main thread.
 */
#ifndef CONTROL_ADMIN_PEOPLE_H
#define CONTROL_ADMIN_PEOPLE_H

#include <stdbool.h>

struct desk;
struct evhttp_request;
struct journal;
struct wish_store;

/* All borrowed, as long as the admin side; the desk is closed before it. */
struct admin_people {
	struct journal *journal;
	struct desk *desk;
	struct wish_store *wishes;
};

/*
 * False when the path is none of these. local: the request came over the unix socket, whose peer
 * the kernel names; over TCP nothing can be changed. Answers now, or when control has.
 */
bool admin_people_serve(const struct admin_people *, struct evhttp_request *, bool local);

#endif
