/*
 * Where in the files a thing was written, for messages.
 */
#ifndef CONF_WHERE_H
#define CONF_WHERE_H

#include <stdbool.h>

struct conf_where {
	const char *file;
	unsigned line;
	bool flawed; /* something in this group could not be read */
};

#endif
