/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	struct event *event;
	void (*obey)(const char *);
	void (*on_end)(void);
	char text[256];
	size_t len;
} orders;

void
tool_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", tool_name, what, why);
	exit(2);
}

int64_t
tool_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct sockaddr_in
tool_address(const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char host[64];
	unsigned port;

	if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port == 0 || port > 65535 ||
	    inet_pton(AF_INET, host, &to.sin_addr) != 1)
		tool_die(text, "not ADDRESS:PORT");
	to.sin_port = htons((uint16_t)port);
	return to;
}

struct event_base *
tool_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL || event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) != 0 ||
	    (base = event_base_new_with_config(config)) == NULL)
		tool_die("event base", "cannot be made");
	event_config_free(config);
	return base;
}

static void
on_orders(evutil_socket_t fd, short what, void *arg)
{
	ssize_t n = read(fd, orders.text + orders.len, sizeof orders.text - 1 - orders.len);
	char *end;

	(void)what, (void)arg;
	if (n <= 0) {
		event_del(orders.event);
		orders.on_end();
		return;
	}
	orders.len += (size_t)n;
	orders.text[orders.len] = '\0';
	while ((end = strchr(orders.text, '\n')) != NULL) {
		*end = '\0';
		orders.obey(orders.text);
		orders.len -= (size_t)(end + 1 - orders.text);
		memmove(orders.text, end + 1, orders.len + 1);
	}
}

void
tool_orders(struct event_base *base, void (*obey)(const char *), void (*on_end)(void))
{
	orders.obey = obey;
	orders.on_end = on_end;
	orders.event = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_orders, NULL);
	if (orders.event == NULL || event_add(orders.event, NULL) != 0)
		tool_die("stdin", "must be a pipe");
}
