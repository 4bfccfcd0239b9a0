// SPDX-License-Identifier: Apache-2.0
#include "proxy/call.h"

#include <stdio.h>
#include <string.h>

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

static void
add_field(struct head *h, enum field_id id, size_t at, size_t name_len, size_t value_len)
{
	h->fields[h->field_count++] = (struct field){
		.name_at = (uint32_t)at,
		.value_at = (uint32_t)(at + name_len),
		.value_len = (uint32_t)value_len,
		.name_len = (uint16_t)name_len,
		.id = id,
	};
}

void
call_broke_off(struct exchange *x)
{
	static const struct slice name = SLICE("grpc-status"), message = SLICE("grpc-message");
	char text[256];
	struct head h = { .base = text };
	size_t at, len;

	if (!x->call.is || !x->call.open_ended || !x->head.h2 || x->client == NULL ||
	    x->response_ended || x->own_answer || fault_status(x->fault) == 499)
		return;
	x->call.status = (int8_t)grpc_status_for(x->fault, fault_status(x->fault));
	x->call.told = true;
	len = (size_t)snprintf(text, sizeof text, "%s%d", name.at, x->call.status);
	add_field(&h, FIELD_GRPC_STATUS, 0, name.len, len - name.len);
	at = len;
	memcpy(text + at, message.at, message.len);
	len = grpc_write_message(slice_of(fault_text(x->fault)), text + at + message.len,
	    sizeof text - at - message.len);
	add_field(&h, FIELD_OTHER, at, message.len, len);
	x->client->ops->send_trailers(x->client, &h);
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
