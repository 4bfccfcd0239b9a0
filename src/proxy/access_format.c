/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_log.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

enum {
	FIXED_MAX = 1024, /* keys, numbers and punctuation of a line, at most */
	TEXTS_MAX = 5120, /* the sum of text_max, rounded up */
};

/* What a text may take in a line, so that no client can write pages into the log. */
static const uint16_t text_max[ACCESS_TEXTS] = {
	[ACCESS_CLIENT] = 64,
	[ACCESS_PEER] = 64,
	[ACCESS_METHOD] = 32,
	[ACCESS_HOST] = 256,
	[ACCESS_PATH] = 2048,
	[ACCESS_REQUEST_ID] = 128,
	[ACCESS_ROUTE] = 256,
	[ACCESS_SERVICE] = 128,
	[ACCESS_REGION] = 128,
	[ACCESS_ENDPOINT] = 256,
	[ACCESS_LISTENER] = 128,
	[ACCESS_USER_AGENT] = 512,
	[ACCESS_REFERER] = 1024,
	[ACCESS_TLS] = 16,
};

_Static_assert(FIXED_MAX + TEXTS_MAX <= ACCESS_LINE_MAX, "a whole line fits");

/* Writes one line; fixed parts always fit, texts share the budget. */
struct line {
	char *at;
	size_t budget; /* bytes texts may still take */
	bool truncated;
};

/* A text's next piece as it must be written: consumed bytes of the text become len bytes. */
struct piece {
	size_t consumed;
	size_t len;
	char bytes[8];
};

typedef struct piece escape_fn(struct slice rest);

static const char hex_digits[] = "0123456789abcdef";

/* Not to be copied as they are: controls, quote, backslash, DEL and all that is not ASCII. */
static const bool special[256] = {
	[0x00 ... 0x1f] = true,
	['"'] = true,
	['\\'] = true,
	[0x7f ... 0xff] = true,
};

static void
put(struct line *l, const char *bytes, size_t len)
{
	memcpy(l->at, bytes, len);
	l->at += len;
}

#define PUT(line, literal) put(line, literal, sizeof(literal) - 1)

static void
put_number(struct line *l, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(l, digits + at, sizeof digits - at);
}

static void
put_word(struct line *l, const char *word)
{
	put(l, word, strlen(word));
}

/* The length of the UTF-8 sequence at the start of s (RFC 3629 section 4), 0: it is none. */
static size_t
utf8_length(struct slice s)
{
	const unsigned char *b = (const unsigned char *)s.at;
	size_t len = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;

	if (b[0] < 0xc2 || b[0] > 0xf4 || s.len < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	if (b[0] == 0xe0 && b[1] < 0xa0) /* overlong */
		return 0;
	if (b[0] == 0xed && b[1] > 0x9f) /* surrogates */
		return 0;
	if ((b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return len;
}

/* Bytes that are no UTF-8 are read as Latin-1: the line stays valid and nothing is lost. */
static struct piece
escape_json(struct slice rest)
{
	unsigned char b = (unsigned char)rest.at[0];
	size_t utf8 = b >= 0x80 ? utf8_length(rest) : 0;
	struct piece p = { .consumed = 1 };

	if (utf8 > 0) {
		memcpy(p.bytes, rest.at, utf8);
		p.consumed = p.len = utf8;
	} else if (b == '"' || b == '\\') {
		p.bytes[0] = '\\';
		p.bytes[1] = (char)b;
		p.len = 2;
	} else {
		memcpy(p.bytes, "\\u00", 4);
		p.bytes[4] = hex_digits[b >> 4];
		p.bytes[5] = hex_digits[b & 15];
		p.len = 6;
	}
	return p;
}

static struct piece
escape_text(struct slice rest)
{
	unsigned char b = (unsigned char)rest.at[0];

	return (struct piece){ .consumed = 1,
		.len = 4,
		.bytes = { '\\', 'x', hex_digits[b >> 4], hex_digits[b & 15] } };
}

static void
put_text(struct line *l, struct slice text, size_t max, escape_fn *escape)
{
	size_t room = max < l->budget ? max : l->budget;
	size_t left = room;
	size_t i = 0;

	while (i < text.len) {
		size_t run = i;
		struct piece p;

		while (run < text.len && run - i < left && !special[(unsigned char)text.at[run]])
			run++;
		put(l, text.at + i, run - i);
		left -= run - i;
		i = run;
		if (i == text.len)
			break;
		if (left == 0) {
			l->truncated = true;
			break;
		}
		p = escape((struct slice){ text.at + i, text.len - i });
		if (p.len > left) {
			l->truncated = true;
			break;
		}
		put(l, p.bytes, p.len);
		left -= p.len;
		i += p.consumed;
	}
	l->budget -= room - left;
}

static void
put_protocol(struct line *l, const struct access_record *r)
{
	if (r->protocol_minor == ACCESS_HTTP2) {
		PUT(l, "HTTP/2");
		return;
	}
	if (r->protocol_minor == ACCESS_TCP) {
		PUT(l, "TCP");
		return;
	}
	PUT(l, "HTTP/1.");
	put_number(l, r->protocol_minor);
}

static const char *
reason_word(const struct access_record *r)
{
	return r->fault < FAULT_COUNT ? fault_word((enum fault)r->fault) : "unknown";
}

/* False: the lengths do not fit the record. */
static bool
split_texts(const struct access_record *r, size_t record_len, struct slice *texts)
{
	const char *at = (const char *)(r + 1);
	size_t left;

	if (record_len < sizeof *r)
		return false;
	left = record_len - sizeof *r;
	for (int i = 0; i < ACCESS_TEXTS; i++) {
		if (r->text_len[i] > left)
			return false;
		texts[i] = (struct slice){ at, r->text_len[i] };
		at += r->text_len[i];
		left -= r->text_len[i];
	}
	return true;
}

#define PUT_KEY(line, key) PUT(line, ",\"" key "\":")

static void
json_text(struct line *l, const struct slice *texts, enum access_text which)
{
	PUT(l, "\"");
	put_text(l, texts[which], text_max[which], escape_json);
	PUT(l, "\"");
}

static void
json_bool(struct line *l, bool value)
{
	put_word(l, value ? "true" : "false");
}

static void
json_who(struct line *l, const struct access_record *r, const struct slice *texts)
{
	char when[32];

	PUT(l, "{\"time\":\"");
	put_word(l, clock_format_wall(r->wall_us, when, sizeof when));
	PUT(l, "\"");
	PUT_KEY(l, "request_id");
	json_text(l, texts, ACCESS_REQUEST_ID);
	PUT_KEY(l, "client");
	json_text(l, texts, ACCESS_CLIENT);
	if (texts[ACCESS_PEER].len > 0) {
		PUT_KEY(l, "peer");
		json_text(l, texts, ACCESS_PEER);
	}
	PUT_KEY(l, "listener");
	json_text(l, texts, ACCESS_LISTENER);
	PUT_KEY(l, "tls");
	json_text(l, texts, ACCESS_TLS);
	PUT_KEY(l, "tls_resumed");
	json_bool(l, r->resumed);
	PUT_KEY(l, "method");
	json_text(l, texts, ACCESS_METHOD);
	PUT_KEY(l, "host");
	json_text(l, texts, ACCESS_HOST);
	PUT_KEY(l, "path");
	json_text(l, texts, ACCESS_PATH);
	PUT_KEY(l, "protocol");
	PUT(l, "\"");
	put_protocol(l, r);
	PUT(l, "\"");
}

static void
json_what(struct line *l, const struct access_record *r, const struct slice *texts)
{
	PUT_KEY(l, "status");
	put_number(l, r->status);
	if (r->grpc > 0) {
		PUT_KEY(l, "grpc_status");
		put_number(l, r->grpc - 1u);
	}
	PUT_KEY(l, "reason");
	PUT(l, "\"");
	put_word(l, reason_word(r));
	PUT(l, "\"");
	if (r->mirrored)
		PUT(l, ",\"mirrored\":true");
	PUT_KEY(l, "route");
	json_text(l, texts, ACCESS_ROUTE);
	PUT_KEY(l, "service");
	json_text(l, texts, ACCESS_SERVICE);
	PUT_KEY(l, "region");
	json_text(l, texts, ACCESS_REGION);
	PUT_KEY(l, "endpoint");
	json_text(l, texts, ACCESS_ENDPOINT);
	PUT_KEY(l, "tries");
	put_number(l, r->tries);
	PUT_KEY(l, "reused");
	json_bool(l, r->reused);
}

static void
json_how_much(struct line *l, const struct access_record *r)
{
	PUT_KEY(l, "bytes_in");
	put_number(l, r->bytes_in);
	PUT_KEY(l, "bytes_out");
	put_number(l, r->bytes_out);
	PUT_KEY(l, "total_us");
	put_number(l, r->total_us);
	PUT_KEY(l, "wait_us");
	put_number(l, r->wait_us);
	PUT_KEY(l, "queue_us");
	put_number(l, r->queue_us);
	PUT_KEY(l, "connect_us");
	put_number(l, r->connect_us);
	PUT_KEY(l, "first_byte_us");
	put_number(l, r->first_byte_us);
	PUT_KEY(l, "body_us");
	put_number(l, r->body_us);
}

static void
format_json(struct line *l, const struct access_record *r, const struct slice *texts)
{
	json_who(l, r, texts);
	json_what(l, r, texts);
	json_how_much(l, r);
	PUT_KEY(l, "user_agent");
	json_text(l, texts, ACCESS_USER_AGENT);
	PUT_KEY(l, "referer");
	json_text(l, texts, ACCESS_REFERER);
	if (l->truncated)
		PUT(l, ",\"truncated\":true");
	PUT(l, "}");
}

/* Old tools want the address without brackets and port. */
static struct slice
without_port(struct slice client)
{
	bool bracketed = client.len > 0 && client.at[0] == '[';
	const char *end =
	    bracketed ? memchr(client.at, ']', client.len) : memchr(client.at, ':', client.len);

	if (end == NULL)
		return client;
	client.len = (size_t)(end - client.at);
	return bracketed ? (struct slice){ client.at + 1, client.len - 1 } : client;
}

/* A text of the Combined format: "-" when there is none. */
static void
text_or_dash(struct line *l, struct slice text, enum access_text which)
{
	if (text.len == 0)
		PUT(l, "-");
	else
		put_text(l, text, text_max[which], escape_text);
}

/* The same as the value of a key; our own names may hold spaces, so they are quoted. */
static void
text_pair(struct line *l, const char *key, const struct slice *texts, enum access_text which)
{
	PUT(l, " ");
	put_word(l, key);
	PUT(l, "=\"");
	put_text(l, texts[which], text_max[which], escape_text);
	PUT(l, "\"");
}

static void
number_pair(struct line *l, const char *key, uint64_t number)
{
	PUT(l, " ");
	put_word(l, key);
	PUT(l, "=");
	put_number(l, number);
}

/* "22/Nov/2026:08:27:00 +0000"; the month's name without the locale. */
static void
put_common_time(struct line *l, uint64_t wall_us)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(wall_us / 1000000);
	char when[32];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL) {
		PUT(l, "-");
		return;
	}
	strftime(when, sizeof when, "%d/", &tm);
	put_word(l, when);
	put(l, months + 3 * tm.tm_mon, 3);
	strftime(when, sizeof when, "/%Y:%H:%M:%S +0000", &tm);
	put_word(l, when);
}

/* The Combined format, then what only a proxy knows as key=value. */
static void
format_text(struct line *l, const struct access_record *r, const struct slice *texts)
{
	text_or_dash(l, without_port(texts[ACCESS_CLIENT]), ACCESS_CLIENT);
	PUT(l, " - - [");
	put_common_time(l, r->wall_us);
	PUT(l, "] \"");
	text_or_dash(l, texts[ACCESS_METHOD], ACCESS_METHOD);
	PUT(l, " ");
	text_or_dash(l, texts[ACCESS_PATH], ACCESS_PATH);
	PUT(l, " ");
	put_protocol(l, r);
	PUT(l, "\" ");
	put_number(l, r->status);
	PUT(l, " ");
	put_number(l, r->bytes_out);
	PUT(l, " \"");
	text_or_dash(l, texts[ACCESS_REFERER], ACCESS_REFERER);
	PUT(l, "\" \"");
	text_or_dash(l, texts[ACCESS_USER_AGENT], ACCESS_USER_AGENT);
	PUT(l, "\"");
	text_pair(l, "request_id", texts, ACCESS_REQUEST_ID);
	if (texts[ACCESS_PEER].len > 0)
		text_pair(l, "peer", texts, ACCESS_PEER);
	text_pair(l, "listener", texts, ACCESS_LISTENER);
	text_pair(l, "tls", texts, ACCESS_TLS);
	text_pair(l, "host", texts, ACCESS_HOST);
	text_pair(l, "route", texts, ACCESS_ROUTE);
	text_pair(l, "service", texts, ACCESS_SERVICE);
	text_pair(l, "region", texts, ACCESS_REGION);
	text_pair(l, "endpoint", texts, ACCESS_ENDPOINT);
	PUT(l, " reason=");
	put_word(l, reason_word(r));
	if (r->grpc > 0)
		number_pair(l, "grpc_status", r->grpc - 1u);
	if (r->mirrored)
		PUT(l, " mirrored=1");
	number_pair(l, "tries", r->tries);
	number_pair(l, "reused", r->reused);
	number_pair(l, "resumed", r->resumed);
	number_pair(l, "bytes_in", r->bytes_in);
	number_pair(l, "total_us", r->total_us);
	number_pair(l, "wait_us", r->wait_us);
	number_pair(l, "queue_us", r->queue_us);
	number_pair(l, "connect_us", r->connect_us);
	number_pair(l, "first_byte_us", r->first_byte_us);
	number_pair(l, "body_us", r->body_us);
	if (l->truncated)
		PUT(l, " truncated=1");
}

size_t
access_log_format(const struct access_record *r, size_t record_len, enum conf_log_format format,
    char *buf, size_t size)
{
	struct slice texts[ACCESS_TEXTS];
	struct line l = { .at = buf };

	if (size < FIXED_MAX || !split_texts(r, record_len, texts))
		return 0;
	l.budget = size - FIXED_MAX;
	switch (format) {
	case LOG_FORMAT_JSON:
		format_json(&l, r, texts);
		break;
	case LOG_FORMAT_TEXT:
		format_text(&l, r, texts);
		break;
	}
	return (size_t)(l.at - buf);
}
