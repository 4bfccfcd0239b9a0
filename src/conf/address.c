/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/arena.h"

#define LONGEST_HOST 253
#define LONGEST_LABEL 63

/* What stands before and behind the colon of "host:port", "[v6]:port" or ":port". */
struct halves {
	const char *host;
	size_t host_len;
	bool bracketed;
	const char *port; /* NULL: none */
};

static bool
split(const char *text, struct halves *h, struct error *e)
{
	const char *colon, *close;

	*h = (struct halves){ .host = text };
	if (text[0] == '[') {
		close = strchr(text, ']');
		if (close == NULL || (close[1] != '\0' && close[1] != ':')) {
			error_set(e, "\"%s\" has no closing bracket; write \"[IPv6]:PORT\"", text);
			return false;
		}
		h->bracketed = true;
		h->host = text + 1;
		h->host_len = (size_t)(close - h->host);
		h->port = close[1] == ':' ? close + 2 : NULL;
		return true;
	}
	colon = strchr(text, ':');
	if (colon != NULL && strchr(colon + 1, ':') != NULL) {
		error_set(e,
		    "\"%s\" holds more than one colon; write an IPv6 address in brackets, "
		    "\"[IPv6]:PORT\"",
		    text);
		return false;
	}
	h->host_len = colon == NULL ? strlen(text) : (size_t)(colon - text);
	h->port = colon == NULL ? NULL : colon + 1;
	return true;
}

static bool
parse_port(const char *text, unsigned least, uint16_t *port, struct error *e)
{
	size_t len = strlen(text);
	unsigned long value = len > 0 && len <= 5 && strspn(text, "0123456789") == len
	    ? strtoul(text, NULL, 10)
	    : 65536;

	if (value > 65535 || value < least) {
		error_set(e, "\"%s\" is no port; write a number from %u to 65535", text, least);
		return false;
	}
	*port = (uint16_t)value;
	return true;
}

/* A literal address and port into addr and its text; false, without an error, if it is none. */
static bool
literal(const char *host, size_t len, bool v6, uint16_t port, struct conf_address *address,
    struct arena *arena)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&address->addr;
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof text)
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	if (inet_pton(
		v6 ? AF_INET6 : AF_INET, text, v6 ? (void *)&in6->sin6_addr : &in->sin_addr) != 1)
		return false;
	if (v6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		address->len = sizeof *in6;
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
		address->text = arena_printf(arena, "[%s]:%u", text, port);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		address->len = sizeof *in;
		address->text = arena_printf(arena, "%s:%u", text, port);
	}
	return true;
}

static bool
parse_unix(const char *path, struct conf_address *address, struct arena *arena, struct error *e)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&address->addr;
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof un->sun_path) {
		error_set(e,
		    "\"unix:%s\" is no socket's address; write \"unix:PATH\" with a path of 1 to "
		    "%zu bytes",
		    path, sizeof un->sun_path - 1);
		return false;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len + 1);
	address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	address->text = arena_printf(arena, "unix:%s", path);
	return true;
}

bool
conf_address_parse(
    const char *text, struct conf_address *address, struct arena *arena, struct error *e)
{
	struct halves h;
	uint16_t port;

	*address = (struct conf_address){ 0 };
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, address, arena, e);
	if (!split(text, &h, e))
		return false;
	if (h.port == NULL) {
		error_set(e, "\"%s\" has no port; write \"ADDRESS:PORT\"", text);
		return false;
	}
	if (!parse_port(h.port, 0, &port, e))
		return false;
	if (h.host_len == 0 && !h.bracketed)
		return literal("::", 2, true, port, address, arena);
	if (literal(h.host, h.host_len, h.bracketed, port, address, arena))
		return true;
	error_set(e,
	    "\"%s\" is no address; write \"IPv4:PORT\", \"[IPv6]:PORT\", \":PORT\" or "
	    "\"unix:PATH\"",
	    text);
	return false;
}

/* A name whose last label is a number is an IPv4 address or a mistake (WHATWG URL, 3.5). */
static bool
is_numeric_end(const char *host, size_t len)
{
	size_t digits = 0;

	while (digits < len && isdigit((unsigned char)host[len - 1 - digits]))
		digits++;
	return digits > 0 && (digits == len || host[len - 1 - digits] == '.');
}

static bool
is_label(const char *label, size_t len)
{
	if (len == 0 || len > LONGEST_LABEL || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

static bool
is_name(const char *host, size_t len)
{
	const char *end = host + len;

	if (len == 0 || len > LONGEST_HOST)
		return false;
	for (;;) {
		const char *dot = memchr(host, '.', (size_t)(end - host));

		if (!is_label(host, (size_t)((dot == NULL ? end : dot) - host)))
			return false;
		if (dot == NULL)
			return true;
		host = dot + 1;
	}
}

static const char *
lower_case(struct arena *arena, const char *text, size_t len)
{
	char *lower = arena_strndup(arena, text, len);

	for (char *at = lower; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return lower;
}

const char *
conf_host_parse(const char *text, size_t len, struct arena *arena, struct error *e)
{
	struct in_addr in;
	const char *host;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80) {
			error_set(
			    e, "host \"%.*s\" is not ASCII; write its xn-- form", (int)len, text);
			return NULL;
		}
	if (len > 1 && text[len - 1] == '.')
		len--;
	host = lower_case(arena, text, len);
	if (!is_name(host, len)) {
		error_set(e, "\"%.*s\" is no host; write a name such as \"shop.example.com\"",
		    (int)len, text);
		return NULL;
	}
	if (is_numeric_end(host, len) && inet_pton(AF_INET, host, &in) != 1) {
		error_set(e, "\"%s\" is no IPv4 address; write four numbers from 0 to 255", host);
		return NULL;
	}
	return host;
}

/* The address in brackets, in its shortest form. */
static const char *
parse_bracketed(const struct halves *h, struct arena *arena, struct error *e)
{
	struct conf_address address;

	if (literal(h->host, h->host_len, true, 0, &address, arena))
		return arena_strndup(arena, address.text, strlen(address.text) - strlen(":0"));
	error_set(e, "\"[%.*s]\" is no IPv6 address; write one such as \"[::1]\"", (int)h->host_len,
	    h->host);
	return NULL;
}

const char *
conf_authority_parse(const char *text, struct arena *arena, struct error *e)
{
	struct halves h;
	const char *host;
	uint16_t port;

	if (!split(text, &h, e))
		return NULL;
	host = h.bracketed ? parse_bracketed(&h, arena, e)
			   : conf_host_parse(h.host, h.host_len, arena, e);
	if (host == NULL || h.port == NULL)
		return host;
	if (!parse_port(h.port, 1, &port, e))
		return NULL;
	return arena_printf(arena, "%s:%u", host, port);
}

const char *
conf_authority_host(const char *authority, struct arena *arena)
{
	size_t len;

	if (authority[0] == '[')
		return arena_strndup(arena, authority + 1, strcspn(authority + 1, "]"));
	len = strcspn(authority, ":");
	return arena_strndup(arena, authority, len);
}

/* What an endpoint's URL begins with, without "://". */
static const struct scheme {
	const char *name;
	bool tls, raw;
	uint16_t port; /* 0: must be written */
} schemes[] = {
	{ "http", false, false, 80 },
	{ "https", true, false, 443 },
	{ "tcp", false, true, 0 },
	{ "tls", true, true, 0 },
};

static const struct scheme *
parse_scheme(const char *text, const char **rest, struct error *e)
{
	const char *colon = strstr(text, "://");
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strlen(schemes[i].name) != len || strncasecmp(text, schemes[i].name, len) != 0)
			continue;
		*rest = colon + 3;
		return &schemes[i];
	}
	error_set(e,
	    "endpoint \"%s\" begins with no scheme Detour speaks; write \"http://HOST:PORT\" or "
	    "\"https://HOST:PORT\"",
	    text);
	return NULL;
}

/* What comes behind the authority must be nothing, or the slash that an empty path is. */
static bool
check_rest(const char *text, const char *rest, size_t authority_len, struct error *e)
{
	if (memchr(rest, '@', authority_len) != NULL)
		error_set(
		    e, "endpoint \"%s\" holds a user; write scheme, host and port only", text);
	else if (strstr(rest, "://") != NULL)
		error_set(e,
		    "endpoint \"%s\" is two URLs in one: texts that follow each other are one text; "
		    "put a comma between them",
		    text);
	else if (strcmp(rest + authority_len, "") != 0 && strcmp(rest + authority_len, "/") != 0)
		error_set(e,
		    "endpoint \"%s\" has a path or a query; write scheme, host and port only, "
		    "and rewrite_prefix in a route to change paths",
		    text);
	else
		return true;
	return false;
}

bool
conf_url_parse(
    const char *text, struct conf_endpoint *endpoint, struct arena *arena, struct error *e)
{
	const char *rest, *authority;
	const struct scheme *scheme = parse_scheme(text, &rest, e);
	struct halves h;
	size_t len;

	if (scheme == NULL)
		return false;
	len = strcspn(rest, "/?#");
	if (!check_rest(text, rest, len, e))
		return false;
	authority = conf_authority_parse(arena_strndup(arena, rest, len), arena, e);
	if (authority == NULL || !split(authority, &h, e))
		return false;
	if (h.port == NULL && scheme->port == 0) {
		error_set(e, "endpoint \"%s\" has no port; write \"%s://%s:PORT\"", text,
		    scheme->name, authority);
		return false;
	}
	endpoint->tls = scheme->tls;
	endpoint->raw = scheme->raw;
	endpoint->url = arena_printf(arena, "%s://%s", scheme->name, authority);
	endpoint->host = arena_strndup(arena, h.host, h.host_len);
	endpoint->port = scheme->port;
	if (h.port != NULL && !parse_port(h.port, 1, &endpoint->port, e))
		return false;
	endpoint->literal =
	    literal(h.host, h.host_len, h.bracketed, endpoint->port, &endpoint->addr, arena);
	return true;
}
