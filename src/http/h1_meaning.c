/* SPDX-License-Identifier: Apache-2.0 */
#include "h1_fields.h"

#include "chars.h"
#include "http/grpc.h"
#include "values.h"

/* What the options of all Connection fields together say (RFC 9112 section 9.3). */
struct options {
	unsigned count;
	bool close;
	bool keep_alive;
	bool upgrade;
	bool others; /* names of fields */
};

static void
read_options(struct slice value, struct options *o)
{
	struct slice option;

	for (; o->count <= H1_CONNECTION_OPTIONS && value_next(&value, &option); o->count++) {
		if (slice_eq_nocase(option, SLICE("close")))
			o->close = true;
		else if (slice_eq_nocase(option, SLICE("keep-alive")))
			o->keep_alive = true;
		else if (slice_eq_nocase(option, SLICE("upgrade")))
			o->upgrade = true;
		else
			o->others = true;
	}
}

/* token [ "/" token ], RFC 9110 section 7.8 */
static bool
is_protocol(struct slice text)
{
	unsigned slashes = 0;
	size_t token = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (char_is(text.at[i], CHAR_TOKEN)) {
			token++;
			continue;
		}
		if (text.at[i] != '/' || token == 0 || ++slashes > 1)
			return false;
		token = 0;
	}
	return token > 0;
}

/* A tunnel of HTTP/2 or TLS would carry requests that nobody here gets to see. */
static bool
upgrade_may_pass(struct slice value)
{
	static const struct slice refused[] = { { "h2", 2 }, { "http/", 5 }, { "tls/", 4 } };
	struct slice protocol;

	while (value_next(&value, &protocol)) {
		if (!is_protocol(protocol))
			return false;
		for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
			struct slice start = protocol;

			if (start.len > refused[i].len)
				start.len = refused[i].len;
			if (slice_eq_nocase(start, refused[i]))
				return false;
		}
	}
	return true;
}

/*
 * RFC 9112: without "chunked" at its end nobody knows where the message ends (6.3); with codings
 * before it that we lack it is not the client's mistake (6.1).
 */
static enum fault
judge_coding(struct slice value, const char **why)
{
	struct slice rest = value, coding = { NULL, 0 };
	unsigned chunked = 0;

	if (slice_eq_nocase(value, SLICE("chunked")))
		return FAULT_NONE;
	*why = "malformed Transfer-Encoding";
	while (value_next(&rest, &coding)) {
		if (coding.len == 0 || !char_is(coding.at[0], CHAR_TOKEN))
			return FAULT_BAD_REQUEST;
		chunked += slice_eq_nocase(coding, SLICE("chunked"));
	}
	if (chunked != 1 || !slice_eq_nocase(coding, SLICE("chunked")))
		return FAULT_BAD_REQUEST;
	*why = "transfer coding other than chunked";
	return FAULT_CODING_REFUSED;
}

/* Sets *only; false if it was set already: the field must not come twice. */
static bool
only_one(const struct field **only, const struct field *f)
{
	if (*only != NULL)
		return false;
	*only = f;
	return true;
}

/* One pass over the fields: what stands where. Returns why not, or NULL. */
static const char *
collect(struct head *h, struct h1_meaning *m, struct options *options)
{
	bool upgrade_asked = false, upgrade_passes = true;

	for (unsigned i = 0; i < h->field_count; i++) {
		const struct field *f = &h->fields[i];

		switch (f->id) {
		case FIELD_OTHER:
			break;
		case FIELD_HOST:
			if (!only_one(&m->host, f))
				return "more than one Host";
			break;
		case FIELD_CONTENT_LENGTH:
			if (!only_one(&m->content_length, f))
				return "more than one Content-Length";
			break;
		case FIELD_TRANSFER_ENCODING:
			if (!only_one(&m->transfer_encoding, f))
				return "more than one Transfer-Encoding";
			break;
		case FIELD_EXPECT:
			if (!only_one(&m->expect, f))
				return "more than one Expect";
			break;
		case FIELD_CONNECTION:
			read_options(field_value(h, f), options);
			if (options->count > H1_CONNECTION_OPTIONS)
				return "too many options in Connection";
			break;
		case FIELD_UPGRADE:
			upgrade_asked = true;
			upgrade_passes &= upgrade_may_pass(field_value(h, f));
			break;
		case FIELD_TE:
			m->te_trailers |= value_has_token(field_value(h, f), SLICE("trailers"));
			break;
		default: /* of no meaning to the parser */
			break;
		}
	}
	m->upgrade = upgrade_asked && upgrade_passes && options->upgrade && h->minor >= 1;
	return NULL;
}

enum fault
h1_understand(struct head *h, struct h1_meaning *m)
{
	struct options options = { 0 };

	*m = (struct h1_meaning){ 0 };
	m->why = collect(h, m, &options);
	if (m->why != NULL)
		return FAULT_BAD_REQUEST;
	h->nominates = options.others;
	h->keep_alive = !options.close && (h->minor >= 1 || options.keep_alive);
	/*
	 * Both framings, or chunked from a peer that need not know it (RFC 9112, 6.1 and 6.3): a
	 * reader behind us may take the other one, and see another message in the same bytes.
	 */
	if (m->transfer_encoding != NULL && m->content_length != NULL)
		m->why = "both Transfer-Encoding and Content-Length";
	else if (m->transfer_encoding != NULL && h->minor == 0)
		m->why = "Transfer-Encoding in HTTP/1.0";
	if (m->why != NULL)
		return FAULT_BAD_REQUEST;
	if (m->transfer_encoding != NULL)
		return judge_coding(field_value(h, m->transfer_encoding), &m->why);
	if (m->content_length != NULL) {
		h->has_content_length = true;
		if (!value_length(field_value(h, m->content_length), &h->content_length)) {
			m->why = "malformed Content-Length";
			return FAULT_BAD_REQUEST;
		}
	}
	return FAULT_NONE;
}

const char *
h1_judge_request(struct head *h, const struct h1_limits *limits)
{
	unsigned types = 0, credentials = 0;

	for (unsigned i = 0; i < h->field_count; i++) {
		types += h->fields[i].id == FIELD_CONTENT_TYPE;
		credentials += h->fields[i].id == FIELD_AUTHORIZATION;
	}
	if (types > 1 || credentials > 1)
		return "more than one Content-Type or Authorization";
	if (h->method == METHOD_TRACE && h->framing != FRAMING_NONE)
		return "TRACE with a body"; /* RFC 9110 section 9.3.8 */
	if (!h->underscores || limits->underscores == UNDERSCORES_KEEP)
		return NULL;
	if (limits->underscores == UNDERSCORES_REFUSE)
		return "header name with '_'";
	if (!grpc_is(h))
		head_hide_underscored(h);
	return NULL;
}

/* Is protocol, with its version, in one of the head's Upgrade fields, or its :protocol (RFC 8441)?
 */
static bool
offers(const struct head *h, struct slice protocol)
{
	if (h->protocol.len > 0)
		return slice_eq_nocase(head_slice(h, h->protocol), protocol);
	for (unsigned i = 0; i < h->field_count; i++)
		if (h->fields[i].id == FIELD_UPGRADE &&
		    value_has_token(field_value(h, &h->fields[i]), protocol))
			return true;
	return false;
}

bool
h1_upgrade_was_offered(const struct head *request, const struct head *answer)
{
	for (unsigned i = 0; i < answer->field_count; i++) {
		struct slice value, protocol;

		if (answer->fields[i].id != FIELD_UPGRADE)
			continue;
		value = field_value(answer, &answer->fields[i]);
		while (value_next(&value, &protocol))
			if (!offers(request, protocol))
				return false;
	}
	return true;
}
