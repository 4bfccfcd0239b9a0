/*
 * What can be told of a pattern (base/regex.h) by reading it. Pure.
 */
#ifndef CONF_PATTERN_H
#define CONF_PATTERN_H

#include <stdbool.h>

/*
 * Does whatever this group takes, if it takes anything, begin with a slash? 0: the whole match.
 * False also when that is more than reading can tell.
 */
bool pattern_group_is_path(const char *pattern, unsigned group);

#endif
