/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin_reply.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	default:
		return "Internal Server Error";
	}
}

/*
 * evhttp takes every answer to CONNECT for the beginning of a tunnel, which has no length and never
 * ends; and to HEAD it would send the body.
 */
static void
add_length(struct evhttp_request *req, struct evkeyvalq *headers, struct evbuffer *body)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req);
	char length[24];

	if (method != EVHTTP_REQ_CONNECT && method != EVHTTP_REQ_HEAD)
		return;
	snprintf(length, sizeof length, "%zu", evbuffer_get_length(body));
	evhttp_add_header(headers, "Content-Length", length);
	if (method == EVHTTP_REQ_HEAD)
		evbuffer_drain(body, evbuffer_get_length(body));
}

void
admin_reply(struct evhttp_request *req, int status, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	add_length(req, headers, body);
	evhttp_send_reply(req, status, reason_of(status), body);
}

void
admin_reply_text(struct evhttp_request *req, int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	evbuffer_add(body, text, strlen(text));
	admin_reply(req, status, "text/plain; charset=utf-8", body);
	evbuffer_free(body);
}

void
admin_reply_json(struct evhttp_request *req, int status, json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	struct evbuffer *body;

	json_decref(json);
	if (text == NULL) {
		admin_reply_text(req, 500, "the answer cannot be written as JSON\n");
		return;
	}
	body = evbuffer_new();
	evbuffer_add(body, text, strlen(text));
	evbuffer_add(body, "\n", 1);
	admin_reply(req, status, "application/json", body);
	evbuffer_free(body);
	free(text);
}
