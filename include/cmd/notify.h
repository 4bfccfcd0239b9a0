/*
 * Telling systemd (or whoever set NOTIFY_SOCKET) where we are; sd_notify(3)'s protocol.
 */
#ifndef CMD_NOTIFY_H
#define CMD_NOTIFY_H

#include <stdint.h>

void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
/* How often whoever started us wants to hear notify_alive(); 0: never. */
uint32_t notify_alive_every_ms(void);
/* Any thread. */
void notify_alive(void);

#endif
