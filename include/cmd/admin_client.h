/*
 * Asking a running Detour over its admin socket. Blocks, with a deadline.
 */
#ifndef CMD_ADMIN_CLIENT_H
#define CMD_ADMIN_CLIENT_H

#include <stddef.h>

#include "base/error.h"

/*
 * GETs path; returns the answer's body, terminated and to be given back with mem_free(), and its
 * length. NULL with an error when nobody answers, or with anything but 200.
 */
char *admin_get(const char *socket_path, const char *path, size_t *len, struct error *);

#endif
