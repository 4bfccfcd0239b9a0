/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/command.h"

/*
 * One region of the demo: a process of its own, so that it can be killed, stopped and looked at
 * like the real thing. The demo starts it with a listening socket.
 */

enum { SLOW_MS = 2000 };

static const struct usage usage = {
	"origin REGION PROVIDER FD",
	"An application in one region; started by 'detour demo' with its listening socket.\n",
};

struct origin {
	const char *region;
	const char *provider;
	struct event_base *base;
};

/* An answer that waits; dies with its timer or its connection, whichever is first. */
struct slow {
	struct origin *origin;
	struct evhttp_request *req;
	struct event *timer;
};

static bool
wants_json(struct evhttp_request *req)
{
	const char *accept = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");

	return accept != NULL && strstr(accept, "application/json") != NULL;
}

static void
add_json(struct evbuffer *body, const struct origin *o, struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	json_t *json = json_object();
	const char *id = evhttp_find_header(headers, "X-Request-Id");
	const char *from = evhttp_find_header(headers, "X-Forwarded-For");
	char *text;

	json_object_set_new(json, "region", json_string(o->region));
	json_object_set_new(json, "provider", json_string(o->provider));
	json_object_set_new(json, "pid", json_integer(getpid()));
	/* NULL for what is absent or not UTF-8: then the key is left out */
	json_object_set_new(json, "path", json_string(evhttp_request_get_uri(req)));
	json_object_set_new(json, "request_id", json_string(id));
	json_object_set_new(json, "client", json_string(from));
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	if (text != NULL)
		evbuffer_add_printf(body, "%s\n", text);
	free(text);
}

static void
answer(const struct origin *o, struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();

	evhttp_add_header(headers, "X-Region", o->region);
	if (wants_json(req)) {
		evhttp_add_header(headers, "Content-Type", "application/json");
		add_json(body, o, req);
	} else {
		evhttp_add_header(headers, "Content-Type", "text/plain; charset=utf-8");
		evbuffer_add_printf(body, "hello from %s (%s), process %d\n", o->region,
		    o->provider, (int)getpid());
	}
	evhttp_send_reply(req, 200, "OK", body);
	evbuffer_free(body);
}

static void
free_slow(struct slow *s)
{
	event_free(s->timer);
	mem_free(s);
}

static void
on_slow_closed(struct evhttp_connection *conn, void *arg)
{
	free_slow(arg);
}

static void
on_slow_due(evutil_socket_t fd, short what, void *arg)
{
	struct slow *s = arg;

	evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
	answer(s->origin, s->req);
	free_slow(s);
}

static void
on_slow(struct evhttp_request *req, void *arg)
{
	struct timeval after = { .tv_sec = SLOW_MS / 1000, .tv_usec = SLOW_MS % 1000 * 1000 };
	struct slow *s = mem_new(sizeof *s);

	s->origin = arg;
	s->req = req;
	s->timer = evtimer_new(s->origin->base, on_slow_due, s);
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_slow_closed, s);
	evtimer_add(s->timer, &after);
}

static void
on_health(struct evhttp_request *req, void *arg)
{
	struct evbuffer *body = evbuffer_new();

	evbuffer_add(body, "ok\n", 3);
	evhttp_send_reply(req, 200, "OK", body);
	evbuffer_free(body);
}

static void
on_any(struct evhttp_request *req, void *arg)
{
	answer(arg, req);
}

static int
serve(const char *region, const char *provider, int fd)
{
	struct origin o = { .region = region, .provider = provider, .base = event_base_new() };
	struct evhttp *http = o.base != NULL ? evhttp_new(o.base) : NULL;

	if (http == NULL || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
	    evhttp_accept_socket(http, fd) != 0)
		return EXIT_FAILED;
	evhttp_set_cb(http, "/healthz", on_health, &o);
	evhttp_set_cb(http, "/slow", on_slow, &o);
	evhttp_set_gencb(http, on_any, &o);
	event_base_dispatch(o.base);
	evhttp_free(http);
	event_base_free(o.base);
	return EXIT_GOOD;
}

int
command_origin(int argc, char **argv)
{
	int fd;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage_print(&usage);
	if (argc != 4)
		return usage_wrong(&usage, "a region, a provider and a descriptor are needed");
	fd = (int)strtol(argv[3], NULL, 10);
	/* as ps and top show it */
	prctl(PR_SET_NAME, argv[1], 0, 0, 0);
	return serve(argv[1], argv[2], fd);
}
