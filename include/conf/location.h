/*
 * The host that a redirect's Location names, in its template (conf/variable.h): RFC 3986 sections
 * 3.2 and 4.2. Pure.
 */
#ifndef CONF_LOCATION_H
#define CONF_LOCATION_H

#include <stdbool.h>

struct template_piece;

/*
 * What follows the two slashes of "https://...", "http://..." or "//...", in the template; NULL:
 * it names no host, and so leads to the request's.
 */
const char *location_authority(const char *template);

/* Takes the next piece off an authority at *at; false at its end, which a path or query is. */
bool location_authority_next(const char **at, struct template_piece *);

#endif
