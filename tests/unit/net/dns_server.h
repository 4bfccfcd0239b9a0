/*
 * A DNS server on loopback, UDP and TCP, in a thread of its own, that answers as it is told.
 */
#ifndef TEST_NET_DNS_SERVER_H
#define TEST_NET_DNS_SERVER_H

#include <stdatomic.h>
#include <stdint.h>

enum dns_mood {
	DNS_GOOD,
	DNS_NXDOMAIN,
	DNS_EMPTY, /* NOERROR without a record */
	DNS_SERVFAIL,
	DNS_SILENT,
	DNS_ZERO_BYTES, /* a datagram of no bytes, then the good answer */
	DNS_GARBAGE,    /* bytes that are no answer, then the good answer */
	DNS_WRONG_ID,   /* a forged answer, then the good one */
	DNS_CNAME_LOOP,
	DNS_CUT, /* TC on UDP whatever the size; TCP has it */
};

/* Set while the server waits for the next question; any thread. */
struct dns_server {
	_Atomic int mood[2];           /* of A and AAAA */
	_Atomic unsigned addresses[2]; /* how many of each a good answer has */
	_Atomic unsigned first;        /* 10.0.0.first is the first address; counts on from there */
	_Atomic uint32_t ttl_s;
	_Atomic unsigned asked; /* questions so far, UDP and TCP */
	_Atomic unsigned asked_tcp;
	char text[32]; /* "127.0.0.1:port" */
};

struct dns_server *dns_server_start(void);
void dns_server_stop(struct dns_server *);

#endif
