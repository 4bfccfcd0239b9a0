/*
 * What a proxy has to know of gRPC: its requests are POST over HTTP/2, and what became of a call
 * stands in its trailers, not in the status line (gRPC over HTTP/2,
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Pure.
 */
#ifndef HTTP_GRPC_H
#define HTTP_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

struct head;

/* Status codes (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md). */
enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};
enum { GRPC_STATUS_NONE = -1, GRPC_STATUS_COUNT = 17 };

/* Does this request, or this answer, say that it is gRPC? */
bool grpc_is(const struct head *);

/* grpc-status of an answer's head or of its trailers; GRPC_STATUS_NONE: there is none that is good. */
int grpc_status_of(const struct head *);

/*
 * Milliseconds that the request's grpc-timeout grants, whole ones and at least one; 0: it states
 * none, or none that is well-formed.
 */
uint32_t grpc_timeout_ms(const struct head *);
/* How long to wait before the deadline is looked at again: at most left_ms, and one of few values.
 */
uint32_t grpc_timer_ms(uint32_t left_ms);

/* What a client hears of a failure of the proxy's own that would have had this HTTP status. */
enum grpc_status grpc_status_for(enum fault, unsigned http_status);

/*
 * The HTTP status that says as much against the endpoint; 200 for what is the caller's doing, such as
 * a deadline too short or a method that is not there.
 */
unsigned grpc_http_status(int grpc_status);

/* text as grpc-message carries it, percent-encoded; returns its length, cut to fit. */
size_t grpc_write_message(struct slice text, char *out, size_t size);

/*
 * grpc.health.v1.Health/Check: the request's message for a service ("": the server as a whole) with
 * its frame, or 0 when it does not fit; and whether an answer's message says SERVING.
 */
#define GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"
size_t grpc_health_request(const char *service, char *out, size_t size);
bool grpc_health_is_serving(const char *message, size_t len);

#endif
