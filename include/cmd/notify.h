/*
 * Telling systemd (or whoever set NOTIFY_SOCKET) where we are; sd_notify(3)'s protocol.
 */
#ifndef CMD_NOTIFY_H
#define CMD_NOTIFY_H

void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);

#endif
