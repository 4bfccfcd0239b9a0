/*
 * Who listens on a TCP port, for the message "address in use". Best effort, from /proc.
 */
#ifndef NET_PORT_OWNER_H
#define NET_PORT_OWNER_H

#include <sys/socket.h>

enum { PORT_OWNER_SIZE = 96 };

/* "nginx (pid 4711)", or "" when it cannot be told (another user's process). */
void port_owner_find(const struct sockaddr *, char owner[PORT_OWNER_SIZE]);

#endif
