/* SPDX-License-Identifier: Apache-2.0 */
#include "http/coding.h"

#include "values.h"

/* "q=0", "q=0.000" */
static bool
is_refused(struct slice parameters)
{
	struct slice p;

	while (value_next_by(&parameters, ';', &p)) {
		if (p.len < 3 || char_lower(p.at[0]) != 'q' || p.at[1] != '=')
			continue;
		for (size_t i = 2; i < p.len; i++)
			if (p.at[i] != '0' && p.at[i] != '.')
				return false;
		return true;
	}
	return false;
}

/* What names gzip counts more than a star, wherever it stands. */
bool
coding_takes_gzip(const struct head *request)
{
	struct slice value, element, coding;
	bool star = false;

	if (!head_value(request, SLICE("accept-encoding"), &value))
		return false;
	while (value_next(&value, &element)) {
		if (!value_next_by(&element, ';', &coding))
			continue;
		if (slice_eq_nocase(coding, SLICE("gzip")) ||
		    slice_eq_nocase(coding, SLICE("x-gzip")))
			return !is_refused(element);
		if (slice_eq(coding, SLICE("*")))
			star = !is_refused(element);
	}
	return star;
}

static bool
ends(struct slice s, struct slice with)
{
	return s.len >= with.len &&
	    slice_eq_nocase((struct slice){ s.at + s.len - with.len, with.len }, with);
}

bool
coding_shrinks(struct slice content_type)
{
	static const char *const types[] = { "application/json", "application/javascript",
		"application/xml", "application/wasm", "application/x-javascript",
		"application/vnd.ms-fontobject", "application/x-font-ttf", "font/opentype", "font/ttf",
		"font/otf", "image/bmp", "image/x-icon" };
	struct slice type;

	if (!value_next_by(&content_type, ';', &type))
		return false;
	if (type.len > 5 && strncasecmp(type.at, "text/", 5) == 0)
		return true;
	if (ends(type, SLICE("+json")) || ends(type, SLICE("+xml")))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		if (slice_eq_nocase(type, slice_of(types[i])))
			return true;
	return false;
}

bool
coding_may_compress(const struct head *h, enum method method, uint64_t least)
{
	const struct field *type = head_find(h, FIELD_CONTENT_TYPE);
	struct slice v;

	if (method == METHOD_HEAD || h->status < 200 || h->status == 204 || h->status == 206 ||
	    h->status == 304 || h->framing == FRAMING_NONE)
		return false;
	if (h->framing == FRAMING_LENGTH && h->content_length < least)
		return false;
	if (type == NULL || !coding_shrinks(field_value(h, type)))
		return false;
	if (head_value(h, SLICE("content-encoding"), &v) || head_value(h, SLICE("content-range"), &v))
		return false;
	for (unsigned i = 0; i < h->field_count; i++)
		if (slice_eq_nocase(field_name(h, &h->fields[i]), SLICE("cache-control")) &&
		    value_has_token(field_value(h, &h->fields[i]), SLICE("no-transform")))
			return false;
	return true;
}
