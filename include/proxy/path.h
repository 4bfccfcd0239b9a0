/*
 * The path of a request in the one form that all decisions go by.
 */
#ifndef PROXY_PATH_H
#define PROXY_PATH_H

#include <stdbool.h>
#include <stddef.h>

struct conf_client_limits;
struct head;

/*
 * Into out, which has room for as much as the head's path: normalised (http/uri.h),
 * its slashes as the limits say; "*" is "/", for it asks about the server as a whole. False: it has
 * no normal form, or one that the limits refuse.
 */
bool path_normalize(
    const struct head *, const struct conf_client_limits *, char *out, size_t *len, bool *changed);

#endif
