/*
 * Which key stands twice in its group: libconfig tells no more than the line.
 */
#ifndef CONF_TWICE_H
#define CONF_TWICE_H

struct arena;

/*
 * The first of the text that does, in the arena; NULL: none. The text is of libconfig's grammar up
 * to that key.
 */
const char *twice_find(const char *text, struct arena *);

#endif
