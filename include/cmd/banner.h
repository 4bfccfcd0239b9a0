/*
 * The line that says what a start has led to.
 */
#ifndef CMD_BANNER_H
#define CMD_BANNER_H

struct admin;
struct server;

/* Version, workers, the addresses really bound; admin may be NULL. */
void banner_log(const struct server *, const struct admin *);

#endif
