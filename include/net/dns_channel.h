/*
 * A c-ares channel on an event loop: its sockets and its timeouts.
 *
 * Owned by the loop's thread.
 */
#ifndef NET_DNS_CHANNEL_H
#define NET_DNS_CHANNEL_H

#include <ares.h>
#include <stdint.h>

#include "net/loop.h"

struct dns_channel;

/* Called after each turn of the channel, outside c-ares' callbacks. May close the channel. */
typedef void dns_channel_turned_fn(void *arg);

/* servers: "10.0.0.2,10.0.0.3:5353", or NULL for the system's. NULL, logged, on failure. */
struct dns_channel *dns_channel_open(
    struct loop *, const char *servers, uint32_t timeout_ms, dns_channel_turned_fn *, void *arg);
/* What is under way ends with ARES_EDESTRUCTION, before it returns. Not from an answer. */
void dns_channel_close(struct dns_channel *);
/* Asks for name's addresses of one family. May answer before it returns. */
void dns_channel_ask(
    struct dns_channel *, const char *name, int family, ares_addrinfo_callback, void *arg);

#endif
