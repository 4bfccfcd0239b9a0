// SPDX-License-Identifier: Apache-2.0
#include "proxy/call.h"

#include "http/forward.h"
#include "http/grpc.h"
#include "proxy/exchange.h"
#include "proxy/try.h"
#include "steer/endpoint.h"

void
call_begin(struct call *c, const struct head *request)
{
	c->status = GRPC_STATUS_NONE;
	c->is = request->method == METHOD_POST && grpc_is(request);
	if (c->is)
		c->timeout_ms = grpc_timeout_ms(request);
}

unsigned
call_answered(struct call *c, const struct head *head)
{
	int status = c->is && head->status == 200 ? grpc_status_of(head) : GRPC_STATUS_NONE;

	if (status == GRPC_STATUS_NONE)
		return head->status;
	c->status = (int8_t)status;
	return grpc_http_status(status);
}

void
call_ended(struct call *c, struct try *t, const struct head *trailers)
{
	if (!c->is)
		return;
	c->status = (int8_t)grpc_status_of(trailers);
	if (grpc_http_status(c->status) < 500 || t->erred)
		return;
	t->erred = true;
	endpoint_shard_failed(t->shard, FAULT_CALL_FAILED);
}

void
call_fail(struct exchange *x, struct own_answer *a)
{
	if (!x->call.is)
		return;
	x->call.status = (int8_t)grpc_status_for(x->fault, a->status);
	a->grpc = true;
	a->grpc_status = (unsigned)x->call.status;
	a->status = 200;
}
