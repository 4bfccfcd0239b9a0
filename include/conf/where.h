/*
 * Where in the files a thing was written, for messages.
 */
#ifndef CONF_WHERE_H
#define CONF_WHERE_H

struct conf_where {
	const char *file;
	unsigned line;
};

#endif
