/*
 * A gRPC call as an exchange sees it: its own deadline, the status in its trailers, and failures
 * told in its terms (http/grpc.h). Worker thread only.
 *
 * A call is a POST, so nothing of it is repeated that may have reached an application.
 */
#ifndef PROXY_CALL_H
#define PROXY_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "http/message.h"

struct exchange;
struct own_answer;
struct try;

/* An exchange's part. */
struct call {
	bool is; /* gRPC */
	int8_t status; /* enum grpc_status: what became of it, as far as is known, or -1 */
	bool open_ended; /* the answer's length was not announced: it may end at any byte */
	bool told; /* the client has heard how it ended, though the answer broke off */
	uint32_t timeout_ms; /* as the client grants; 0: no deadline of its own */
	uint64_t due_ms;     /* when that is over */
};

void call_begin(struct call *, const struct head *request);

/*
 * Does its client speak only when it has something to say, so that silence is no slowness? As soon
 * as an endpoint has it that takes calls, which is one with HTTP/2; timeouts.idle holds all the
 * same.
 */
bool call_is_conversation(const struct exchange *);

/*
 * The answer's head: its HTTP status, or the one that is as bad as what a call without messages says
 * of itself.
 */
unsigned call_answered(struct call *, const struct head *);
/* Its trailers. If they tell of the endpoint's failure, that is counted as a bad status is. */
void call_ended(struct call *, struct try *, const struct head *trailers);

/*
 * The answer has begun and breaks off for x->fault: tells the client so in trailers, which end its
 * stream, where the protocol has them. Nothing for what is no call, and for who has left.
 */
void call_broke_off(struct exchange *x);

/* Makes an answer of the proxy's own one that a gRPC client understands. */
void call_fail(struct exchange *, struct own_answer *);

#endif
