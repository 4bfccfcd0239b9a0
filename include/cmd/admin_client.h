/*
 * Asking a running Detour over its admin socket. Blocks, with a deadline.
 */
#ifndef CMD_ADMIN_CLIENT_H
#define CMD_ADMIN_CLIENT_H

#include <stddef.h>

#include "base/error.h"

#define ADMIN_DEFAULT_SOCKET "/run/detour/admin.sock"

/*
 * The path of the socket to ask: the one given, else the one that the configuration names, else the
 * default. To be given back with mem_free(); NULL: said why on standard error.
 */
char *admin_socket(const char *given, const char *config);

/*
 * GETs path; returns the answer's body, terminated and to be given back with mem_free(), and its
 * length. NULL with an error when nobody answers, or with anything but 200.
 */
char *admin_get(const char *socket_path, const char *path, size_t *len, struct error *);
/* POSTs a body; the answer's body comes back whatever its status is. */
char *admin_post(const char *socket_path, const char *path, const char *body, unsigned *status,
    size_t *len, struct error *);

#endif
