/*
 * The access log: workers put records into their rings, the log thread formats and writes them.
 *
 * Traffic never waits: a full ring drops the line and counts it; a full disk drops lines and
 * says so once in a while.
 */
#ifndef PROXY_ACCESS_LOG_H
#define PROXY_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/ring.h"
#include "conf/topology.h"

/* What one request leaves behind; the texts lie behind the struct, in the order of enum, not
 * terminated. All times in us; 0: did not happen. */
enum access_text {
	ACCESS_CLIENT, /* "192.0.2.1:55555"; the port is left out when it is not known */
	ACCESS_PEER, /* the same of the trusted proxy that named the client, or empty */
	ACCESS_METHOD,
	ACCESS_HOST,
	ACCESS_PATH, /* without query: it may hold secrets */
	ACCESS_REQUEST_ID,
	ACCESS_ROUTE,
	ACCESS_SERVICE,
	ACCESS_REGION, /* of the last try */
	ACCESS_ENDPOINT,
	ACCESS_LISTENER,
	ACCESS_USER_AGENT,
	ACCESS_REFERER,
	ACCESS_TLS, /* "TLSv1.3" or empty */
	ACCESS_TEXTS,
};

enum access_protocol { ACCESS_HTTP2 = 20, ACCESS_TCP = 30 };

struct access_record {
	uint64_t wall_us;   /* when the request's first byte came */
	uint64_t bytes_in;  /* body */
	uint64_t bytes_out; /* body */
	uint64_t total_us;
	uint64_t wait_us;       /* first byte in to last byte of the head: the client's own time */
	uint64_t queue_us;      /* waiting for a connection to the endpoint, connect included */
	uint32_t connect_us;    /* of that, TCP and TLS */
	uint64_t first_byte_us; /* request sent to answer's head, of the last try */
	uint64_t body_us;       /* answer's head to its end */
	uint16_t status;        /* 0: none was sent */
	uint8_t protocol_minor; /* HTTP/1.minor; or enum access_protocol */
	uint8_t tries;
	uint8_t fault;   /* enum fault: the reason field */
	uint8_t reused;  /* the upstream connection was */
	uint8_t resumed; /* the client's TLS session was */
	uint8_t mirrored; /* a copy for a mirror; its client was sent nothing */
	uint8_t grpc; /* the status of a gRPC call, plus 1; 0: not one, or none came */
	uint16_t text_len[ACCESS_TEXTS];
};

struct access_log;

/*
 * Starts the log thread over the workers' rings (borrowed; they outlive it). The destination and
 * format are conf's. NULL with an error when the file cannot be opened.
 */
struct access_log *access_log_start(
    const struct conf_log *, struct ring **rings, unsigned count, struct error *);
/* Any thread: open the file anew (SIGUSR1), or write elsewhere after a reload. */
void access_log_reopen(struct access_log *);
bool access_log_configure(struct access_log *, const struct conf_log *, struct error *);
/* Writes what the rings still hold, ends the thread. */
void access_log_stop(struct access_log *);
uint64_t access_log_dropped(const struct access_log *);

/*
 * One record as a line (without newline) into buf; returns its length, 0 when the record is torn
 * or buf too small for any line. Texts too long for their share of the line are cut and the line
 * says so; ACCESS_LINE_MAX holds every line that is not cut by size. Pure, for tests.
 */
enum { ACCESS_LINE_MAX = 8192 };
size_t access_log_format(
    const struct access_record *, size_t record_len, enum conf_log_format, char *buf, size_t size);

#endif
