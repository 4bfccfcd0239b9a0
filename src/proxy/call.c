// SPDX-License-Identifier: Apache-2.0
#include "proxy/call.h"

#include <stdio.h>

#include "http/forward.h"
#include "http/grpc.h"
#include "proxy/connection.h"
#include "proxy/exchange.h"
#include "proxy/try.h"
#include "proxy/upstream.h"
#include "steer/endpoint.h"

void
call_begin(struct call *c, const struct head *request)
{
	c->status = GRPC_STATUS_NONE;
	c->is = request->method == METHOD_POST && grpc_is(request);
	if (c->is)
		c->timeout_ms = grpc_timeout_ms(request);
}

bool
call_is_conversation(const struct exchange *x)
{
	return x->call.is && x->try->up != NULL && x->try->up->connection->ops == &connection_h2;
}

unsigned
call_answered(struct call *c, const struct head *head)
{
	int status = c->is && head->status == 200 ? grpc_status_of(head) : GRPC_STATUS_NONE;

	c->open_ended = !head->has_content_length;
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

/* A trailer section of its own making: lines as they stand in text, h's fields within. */
static bool
write_trailers(struct head *h, char *text, size_t size, enum grpc_status status, const char *why)
{
	static const char name[] = "grpc-status", message[] = "grpc-message";
	char said[128];
	int said_len = (int)grpc_write_message(slice_of(why), said, sizeof said);
	int first = snprintf(text, size, "%s: %d\r\n", name, status);
	int len = first +
	    snprintf(text + first, size - (size_t)first, "%s: %.*s\r\n\r\n", message, said_len,
		said);

	if ((size_t)len >= size)
		return false;
	*h = (struct head){ .base = text, .len = (uint32_t)len, .field_count = 2 };
	h->fields[0] = (struct field){ .value_at = sizeof name + 1,
		.value_len = (uint32_t)((size_t)first - sizeof name - 3),
		.name_len = sizeof name - 1,
		.id = FIELD_GRPC_STATUS };
	h->fields[1] = (struct field){ .name_at = (uint32_t)first,
		.value_at = (uint32_t)first + sizeof message + 1,
		.value_len = (uint32_t)said_len,
		.name_len = sizeof message - 1,
		.id = FIELD_OTHER };
	return true;
}

void
call_broke_off(struct exchange *x)
{
	enum grpc_status status = grpc_status_for(x->fault, fault_status(x->fault));
	char text[256];
	struct head trailers;

	if (!x->call.is || !x->call.open_ended || !x->head.h2 || x->client == NULL ||
	    x->response_ended || x->own_answer || fault_status(x->fault) == 499 ||
	    !write_trailers(&trailers, text, sizeof text, status, fault_text(x->fault)))
		return;
	x->call.status = (int8_t)status;
	x->call.told = true;
	x->client->ops->send_trailers(x->client, &trailers);
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
