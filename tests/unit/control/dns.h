/*
 * A name server in this process: whatever name is asked for has these IPv4 addresses, for one
 * second.
 */
#ifndef TEST_CONTROL_DNS_H
#define TEST_CONTROL_DNS_H

enum { DNS_ADDRESSES = 8 };

struct dns;

struct dns *dns_start(void);
void dns_stop(struct dns *);
const char *dns_server(const struct dns *); /* "127.0.0.1:PORT" */
/* Last bytes of addresses in 127.0.0.0/24, up to a 0; NULL: says SERVFAIL from now on. */
void dns_answer(struct dns *, const unsigned char *last_bytes);

#endif
