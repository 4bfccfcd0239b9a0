/*
 * A one-slot mailbox between threads: what is posted replaces what was not yet taken.
 *
 * Any thread posts; one thread takes. Posting wakes the taker through its eventfd. A poster may take
 * too, to add to what lies there, if it posts right after.
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stddef.h>

struct mailbox;

struct mailbox *mailbox_new(void);
void mailbox_free(struct mailbox *); /* must be empty */
/* For the taker's event loop: readable after a post. Owned by the mailbox. */
int mailbox_fd(const struct mailbox *);
/* Hands p over (release). Returns what lay there untaken, which the caller owns again, or NULL. */
void *mailbox_post(struct mailbox *, void *p) __attribute__((warn_unused_result));
/* Takes what lies there (acquire), or NULL; also clears the eventfd. */
void *mailbox_take(struct mailbox *) __attribute__((warn_unused_result));

#endif
