/*
 * Intrusive doubly linked lists with a head; a zeroed node is on no list.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

/*
 * Visits each node; the body must not unlink it. What ends something may end what hangs beside it,
 * and a sweep would go on from there: whoever is ended from within another's end is let go of later
 * (worker_defer() in the proxy). A sweep that comes to a node which is on no list any more aborts.
 */
#define list_for(node, head) \
	for (struct list *node = (head)->next; node != (head); node = list_after(node))
/* Visits each node; the body may unlink the visited one (and only that one). */
#define list_for_safe(node, head) \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head); \
	     node = node##_next, node##_next = list_after(node))

/* Where a sweep goes on. */
static inline struct list *
list_after(const struct list *node)
{
	assert(node->next != NULL);
	return node->next;
}

static inline void
list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool
list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool
list_linked(const struct list *node)
{
	return node->next != NULL;
}

static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void
list_prepend(struct list *head, struct list *node)
{
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	head->next = node;
}

/* Unlinking a node that is on no list does nothing. */
static inline void
list_unlink(struct list *node)
{
	if (node->next == NULL)
		return;
	node->next->prev = node->prev;
	node->prev->next = node->next;
	node->next = node->prev = NULL;
}

#endif
