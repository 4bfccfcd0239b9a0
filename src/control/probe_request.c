/* SPDX-License-Identifier: Apache-2.0 */
#include "control/probe_request.h"

#include <stdio.h>
#include <string.h>

#include "conf/topology.h"
#include "control/site.h"
#include "http/grpc.h"
#include "http/message.h"
#include "net/socket.h"
#include "steer/endpoint.h"

/* As traffic's Host would be: the port only where it is not the scheme's own. */
static int
format_host(const struct site *s, const struct endpoint *e, char *buf, size_t size)
{
	uint16_t port = socket_port((const struct sockaddr *)&e->addr);
	bool bracket = strchr(e->host, ':') != NULL;

	if (s->check->host != NULL)
		return snprintf(buf, size, "%s", s->check->host);
	if (s->region->host != NULL)
		return snprintf(buf, size, "%s", s->region->host);
	if (port == (e->tls ? 443 : 80))
		return snprintf(buf, size, bracket ? "[%s]" : "%s", e->host);
	return snprintf(buf, size, bracket ? "[%s]:%u" : "%s:%u", e->host, port);
}

int
probe_request(const struct site *s, const struct endpoint *e, char *buf, size_t size)
{
	const struct conf_health_check *check = s->check;
	char host[512];
	bool has_body;

	if (format_host(s, e, host, sizeof host) >= (int)sizeof host)
		return (int)size;
	if (check->type == CHECK_GRPC)
		return snprintf(buf, size,
		    "POST " GRPC_HEALTH_PATH " HTTP/1.1\r\n"
		    "Host: %s\r\n"
		    "User-Agent: detour-health/" DETOUR_VERSION "\r\n"
		    "Content-Type: application/grpc\r\n"
		    "TE: trailers\r\n"
		    "Grpc-Timeout: %um\r\n"
		    "\r\n",
		    host, check->timeout_ms);
	switch (method_lookup(slice_of(check->method))) {
	case METHOD_POST:
	case METHOD_PUT:
	case METHOD_PATCH:
		has_body = true; /* RFC 9110 section 8.6: say that it is empty */
		break;
	default:
		has_body = false;
	}
	return snprintf(buf, size,
	    "%s %s HTTP/1.1\r\n"
	    "Host: %s\r\n"
	    "User-Agent: detour-health/" DETOUR_VERSION "\r\n"
	    "Accept: */*\r\n"
	    "%s"
	    "Connection: %s\r\n"
	    "\r\n",
	    check->method, check->path, host, has_body ? "Content-Length: 0\r\n" : "",
	    check->reuse ? "keep-alive" : "close");
}
