/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client_origin.h"

#include <string.h>

#include "chars.h"
#include "values.h"

/* An address in a list, and what else its element says. */
struct node {
	struct ip ip;
	uint16_t port;
	enum client_scheme scheme;
};

/* Where the reading of a list has come to, were it to end here; none: there is no address. */
struct reading {
	const struct ip_set *trusted;
	struct node node;
	bool none;
};

static bool
parse_port(struct slice digits, uint16_t *port)
{
	unsigned value = 0;

	if (digits.len == 0 || digits.len > 5)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (!char_is_digit(digits.at[i]))
			return false;
		value = value * 10 + (unsigned)(digits.at[i] - '0');
	}
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
static bool
parse_node(struct slice text, struct node *node)
{
	const char *end = text.at + text.len;
	const char *colon = memchr(text.at, ':', text.len), *close;

	node->port = 0;
	if (text.len > 0 && text.at[0] == '[') {
		close = memchr(text.at, ']', text.len);
		if (close == NULL ||
		    !ip_parse(text.at + 1, (size_t)(close - text.at) - 1, &node->ip))
			return false;
		if (close + 1 == end)
			return true;
		return close[1] == ':' &&
		    parse_port((struct slice){ close + 2, (size_t)(end - close) - 2 }, &node->port);
	}
	if (colon == NULL || memchr(colon + 1, ':', (size_t)(end - colon) - 1) != NULL)
		return ip_parse(text.at, text.len, &node->ip);
	return ip_parse(text.at, (size_t)(colon - text.at), &node->ip) &&
	    parse_port((struct slice){ colon + 1, (size_t)(end - colon) - 1 }, &node->port);
}

static enum client_scheme
scheme_of(struct slice text)
{
	if (slice_eq_nocase(text, SLICE("https")))
		return SCHEME_HTTPS;
	return slice_eq_nocase(text, SLICE("http")) ? SCHEME_HTTP : SCHEME_UNSAID;
}

/*
 * A quote that never closes is none: who forged it would make what honest proxies add behind it a
 * part of its own element.
 */
static bool
has_quotes(struct slice value)
{
	bool quoted = false, any = false;

	for (size_t i = 0; value.at != NULL && i < value.len; i++) {
		if (value.at[i] == '"') {
			quoted = !quoted;
			any = true;
		} else if (quoted && value.at[i] == '\\') {
			i++;
		}
	}
	return any && !quoted;
}

/*
 * Takes what stands before the next delimiter off rest, trimmed; with quotes, a delimiter between
 * two of them is none. rest->at becomes NULL behind the last one.
 */
static bool
next_element(struct slice *rest, char delimiter, bool quotes, struct slice *element)
{
	bool quoted = false;
	size_t i = 0;

	if (rest->at == NULL)
		return false;
	for (; i < rest->len; i++) {
		if (quotes && rest->at[i] == '"')
			quoted = !quoted;
		else if (quoted && rest->at[i] == '\\')
			i++;
		else if (!quoted && rest->at[i] == delimiter)
			break;
	}
	if (i >= rest->len) {
		*element = value_trim(*rest);
		*rest = (struct slice){ NULL, 0 };
		return true;
	}
	*element = value_trim((struct slice){ rest->at, i });
	rest->at += i + 1;
	rest->len -= i + 1;
	return true;
}

/* An address or scheme needs no escapes, so within quotes none is accepted. */
static bool
unquote(struct slice *value)
{
	if (value->len == 0 || value->at[0] != '"')
		return value->len > 0;
	if (value->len < 2 || value->at[value->len - 1] != '"')
		return false;
	value->at++;
	value->len -= 2;
	return memchr(value->at, '\\', value->len) == NULL &&
	    memchr(value->at, '"', value->len) == NULL;
}

/* An element of Forwarded: "for=192.0.2.43;proto=https;by=..." (RFC 7239 section 4). */
static bool
parse_forwarded(struct slice element, struct node *node)
{
	bool quotes = has_quotes(element);
	bool found = false;
	struct slice pair;

	if (!quotes && memchr(element.at, '"', element.len) != NULL)
		return false;
	while (next_element(&element, ';', quotes, &pair)) {
		const char *equals = pair.len > 0 ? memchr(pair.at, '=', pair.len) : NULL;
		struct slice name, value;

		if (equals == NULL)
			return false;
		name = (struct slice){ pair.at, (size_t)(equals - pair.at) };
		value = (struct slice){ equals + 1, pair.len - name.len - 1 };
		if (slice_eq_nocase(name, SLICE("for"))) {
			if (found || !unquote(&value) || !parse_node(value, node))
				return false;
			found = true;
		} else if (slice_eq_nocase(name, SLICE("proto"))) {
			if (!unquote(&value))
				return false;
			node->scheme = scheme_of(value);
		}
	}
	return found;
}

/*
 * Lists are read from the left in one go: an address that is not trusted is the one so far, a
 * trusted one leaves that as it is, and what is no address makes all in front of it worthless.
 */
static void
read_element(struct reading *r, const struct node *node)
{
	if (node == NULL) {
		r->none = true;
	} else if (r->none || !ip_set_has(r->trusted, &node->ip)) {
		r->node = *node;
		r->none = false;
	}
}

static void
read_list(struct reading *r, struct slice value, bool forwarded)
{
	bool quotes = forwarded && has_quotes(value);
	struct slice element;

	while (next_element(&value, ',', quotes, &element)) {
		struct node node = { .scheme = SCHEME_UNSAID };
		bool good;

		if (element.len == 0)
			continue;
		good = forwarded ? parse_forwarded(element, &node) : parse_node(element, &node);
		read_element(r, good ? &node : NULL);
	}
}

/* The last that X-Forwarded-Proto says: that is the word of the peer, whatever came before. */
static enum client_scheme
said_scheme(const struct head *h)
{
	enum client_scheme scheme = SCHEME_UNSAID;

	for (unsigned i = 0; i < h->field_count; i++) {
		struct slice value, element;

		if (h->fields[i].id != FIELD_X_FORWARDED_PROTO)
			continue;
		value = field_value(h, &h->fields[i]);
		while (value_next(&value, &element))
			scheme = scheme_of(element);
	}
	return scheme;
}

void
client_origin_find(const struct head *h, struct slice field, const struct ip_set *trusted,
    const struct ip *peer, uint16_t peer_port, struct client_origin *o)
{
	struct reading r = { .trusted = trusted, .none = true };
	enum field_id id;

	*o = (struct client_origin){ .ip = *peer, .port = peer_port };
	o->peer_is_trusted = ip_set_has(trusted, peer);
	if (!o->peer_is_trusted)
		return;
	id = field_lookup(field.at, field.len);
	for (unsigned i = 0; i < h->field_count; i++)
		if (h->fields[i].id == id && slice_eq_nocase(field_name(h, &h->fields[i]), field))
			read_list(&r, field_value(h, &h->fields[i]), id == FIELD_FORWARDED);
	/* Who speaks Forwarded may pass the other fields on as the client made them up. */
	o->scheme = id == FIELD_FORWARDED ? SCHEME_UNSAID : said_scheme(h);
	if (r.none)
		return;
	o->claimed = true;
	o->ip = r.node.ip;
	o->port = r.node.port;
	if (r.node.scheme != SCHEME_UNSAID)
		o->scheme = r.node.scheme;
}
