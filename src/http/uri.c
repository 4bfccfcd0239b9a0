/* SPDX-License-Identifier: Apache-2.0 */
#include "http/uri.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "chars.h"

/* The byte that %XX at s stands for, or -1. */
static int
escape_value(const char *s, const char *end)
{
	if (end - s < 3 || s[0] != '%' || !char_is(s[1], CHAR_HEX) || !char_is(s[2], CHAR_HEX))
		return -1;
	return (int)(char_hex_value(s[1]) << 4 | char_hex_value(s[2]));
}

/*
 * How many escapes, from s on, encode one character beyond ASCII; 0 if they encode none: a
 * lone or missing continuation, an overlong form, a surrogate, beyond U+10FFFF (RFC 3629).
 */
static unsigned
utf8_escapes(const char *s, const char *end)
{
	int lead = escape_value(s, end);
	unsigned low = 0x80, high = 0xbf, count;

	if (lead >= 0xc2 && lead <= 0xdf)
		count = 2;
	else if (lead >= 0xe0 && lead <= 0xef)
		count = 3;
	else if (lead >= 0xf0 && lead <= 0xf4)
		count = 4;
	else
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	for (unsigned i = 1; i < count; i++) {
		int next = escape_value(s + (size_t)3 * i, end);

		if (next < (int)low || next > (int)high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return count;
}

static char
hex_upper(char c)
{
	return c >= 'a' ? (char)(c - 0x20) : c;
}

/* Copies what the escape at *s stands for, normalised; false if it must not stand in a path. */
static bool
copy_escape(const char **s, const char *end, char **to)
{
	int value = escape_value(*s, end);
	unsigned count = value >= 0x80 ? utf8_escapes(*s, end) : 1;

	if (value < 0x20 || value == 0x7f || value == '\\' || count == 0)
		return false;
	if (value < 0x80 && char_is((char)value, CHAR_UNRESERVED)) {
		*(*to)++ = (char)value;
		*s += 3;
		return true;
	}
	for (; count > 0; count--, *s += 3) {
		*(*to)++ = '%';
		*(*to)++ = hex_upper((*s)[1]);
		*(*to)++ = hex_upper((*s)[2]);
	}
	return true;
}

/* Is [part, to) "." or "..", with or without parameters? */
static bool
climbs(const char *part, const char *to)
{
	const char *at = part;

	while (at < to && at - part < 2 && *at == '.')
		at++;
	return at > part && (at == to || *at == ';');
}

/*
 * A dot segment that only some readers see: those who decode "%2F" before they resolve, or drop
 * ";..." before. [part, to) is what stands behind the last encoded slash of the segment.
 */
static bool
is_disguised(const char *seg, const char *part, const char *to)
{
	if (!climbs(part, to))
		return false;
	return part > seg || memchr(part, ';', (size_t)(to - part)) != NULL;
}

/*
 * The segment [seg, to) is complete. Undoes it if it is a dot segment, and for ".." the one
 * before as well (RFC 3986 section 5.2.4); above the root there is only the root. Returns where
 * writing goes on; *dots tells that the segment is gone, its slash included.
 */
static char *
end_segment(const char *out, char *seg, char *to, bool *dots)
{
	size_t len = (size_t)(to - seg);

	*dots = true;
	if (len == 1 && seg[0] == '.')
		return seg;
	if (len == 2 && seg[0] == '.' && seg[1] == '.') {
		if (seg - out > 1)
			for (seg--; seg[-1] != '/'; seg--)
				;
		return seg;
	}
	*dots = false;
	return to;
}

bool
uri_normalize_path(struct slice path, char *out, size_t *out_len, bool *changed)
{
	const char *s = path.at, *end = path.at + path.len;
	char *to = out, *seg, *part; /* of the segment, behind its last encoded slash */
	bool dots;

	if (path.len == 0 || *s != '/')
		return false;
	*to++ = *s++;
	for (seg = part = to; s < end;) {
		if (*s == '/') {
			if (is_disguised(seg, part, to))
				return false;
			to = end_segment(out, seg, to, &dots);
			if (!dots)
				*to++ = '/';
			seg = part = to;
			s++;
		} else if (*s == '%') {
			if (!copy_escape(&s, end, &to))
				return false;
			if (to[-1] != 'F' || to - seg < 3 || memcmp(to - 3, "%2F", 3) != 0)
				continue;
			if (climbs(part, to - 3))
				return false;
			part = to;
		} else if (char_is(*s, CHAR_PATH)) {
			*to++ = *s++;
		} else {
			return false;
		}
	}
	if (is_disguised(seg, part, to))
		return false;
	to = end_segment(out, seg, to, &dots);
	*out_len = (size_t)(to - out);
	*changed = *out_len != path.len || memcmp(out, path.at, path.len) != 0;
	return true;
}

bool
uri_prefix_matches(struct slice path, struct slice prefix)
{
	if (!slice_starts(path, prefix))
		return false;
	return prefix.len == 0 || prefix.at[prefix.len - 1] == '/' || path.len == prefix.len ||
	    path.at[prefix.len] == '/';
}

/* "[...]": returns its length, brackets included, or 0. No zone, no IPvFuture. */
static size_t
ipv6_literal(struct slice text)
{
	const char *close = memchr(text.at, ']', text.len);
	char address[INET6_ADDRSTRLEN];
	struct in6_addr ignored;
	size_t len;

	if (close == NULL)
		return 0;
	len = (size_t)(close - text.at) - 1;
	if (len >= sizeof address || memchr(text.at, '\0', len + 1) != NULL)
		return 0;
	memcpy(address, text.at + 1, len);
	address[len] = '\0';
	return inet_pton(AF_INET6, address, &ignored) == 1 ? len + 2 : 0;
}

/*
 * A name or an IPv4 address: returns its length, or 0. Stricter than RFC 3986's reg-name: no
 * escapes and no sub-delims, which no name in DNS has and two readers may take for different
 * hosts; no empty labels but for the root's trailing dot.
 */
static size_t
host_name(struct slice text)
{
	size_t len = 0;

	while (len < text.len && char_is(text.at[len], CHAR_HOST)) {
		if (text.at[len] == '.' && (len == 0 || text.at[len - 1] == '.'))
			return 0;
		len++;
	}
	return len <= 255 ? len : 0;
}

/* ":" and up to five digits, 1 to 65535; the digits may be missing (RFC 3986 section 3.2.3). */
static bool
parse_port(struct slice text, unsigned *port)
{
	*port = 0;
	if (text.len == 0)
		return true;
	if (text.at[0] != ':' || text.len > 6)
		return false;
	for (size_t i = 1; i < text.len; i++) {
		if (!char_is_digit(text.at[i]))
			return false;
		*port = *port * 10 + (unsigned)(text.at[i] - '0');
	}
	return *port <= UINT16_MAX && (*port > 0 || text.len == 1);
}

static bool
scan_authority(struct slice text, size_t *host_len, unsigned *port)
{
	if (text.len == 0)
		return false;
	*host_len = text.at[0] == '[' ? ipv6_literal(text) : host_name(text);
	if (*host_len == 0)
		return false;
	return parse_port((struct slice){ text.at + *host_len, text.len - *host_len }, port);
}

bool
uri_authority_is_valid(struct slice text)
{
	size_t host_len;
	unsigned port;

	return scan_authority(text, &host_len, &port);
}

bool
uri_split_authority(struct slice text, char *out, size_t *out_len, unsigned *port)
{
	size_t len;

	if (!scan_authority(text, &len, port))
		return false;
	if (text.at[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = char_lower(text.at[i]);
	*out_len = len;
	return true;
}

/*
 * A path keeps to RFC 3986, whole escapes included: it decides on the route. In a query, which we
 * hand on unread, browsers and scripts also send "[]{}|^`" and stray '%'; no reader of HTTP takes
 * them for the end of anything.
 */
bool
uri_split_target(struct slice target, size_t *path_len)
{
	const char *at = target.at, *stop = target.at + target.len;

	for (; at < stop; at++) {
		if (char_is(*at, CHAR_PATH))
			continue;
		if (*at != '%' || stop - at < 3 || !char_is(at[1], CHAR_HEX) ||
		    !char_is(at[2], CHAR_HEX))
			break;
		at += 2;
	}
	*path_len = (size_t)(at - target.at);
	if (at == stop)
		return true;
	if (*at != '?')
		return false;
	while (at < stop && char_is(*at, CHAR_QUERY))
		at++;
	return at == stop;
}
