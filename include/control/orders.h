/*
 * What is to be served: a topology with its listening sockets, on its way from main to control.
 */
#ifndef CONTROL_ORDERS_H
#define CONTROL_ORDERS_H

struct listener_set;
struct topology;

struct orders {
	struct topology *topology; /* one reference */
	struct listener_set *listeners; /* one reference, or NULL */
};

/* Takes a reference of each. */
struct orders *orders_new(struct topology *, struct listener_set *);
void orders_free(struct orders *); /* NULL is fine */

#endif
