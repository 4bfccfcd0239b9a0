/* SPDX-License-Identifier: Apache-2.0 */
#include "forward_fields.h"

#include <assert.h>
#include <string.h>

#include "values.h"

static bool
may_be_nominated(const struct head *h, struct slice name)
{
	switch (field_lookup(name.at, name.len)) {
	case FIELD_HOST:
	case FIELD_VIA:
	case FIELD_FORWARDED:
	case FIELD_X_FORWARDED_FOR:
	case FIELD_X_FORWARDED_PROTO:
	case FIELD_X_FORWARDED_HOST:
	case FIELD_X_FORWARDED_PORT:
	case FIELD_X_REAL_IP:
	case FIELD_CDN_LOOP:
	case FIELD_X_REQUEST_ID:
	case FIELD_X_MIRRORED_FROM:
	case FIELD_TRAILER:
	case FIELD_EXPECT:
		return h->status != 0; /* an endpoint's word about its own answer */
	/* These have rules of their own, nominated or not. */
	case FIELD_CONTENT_LENGTH:
	case FIELD_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_TE:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_UPGRADE:
	case FIELD_HTTP2_SETTINGS:
		return false;
	default:
		return name.len > 0 && !slice_eq_nocase(name, SLICE("close"));
	}
}

void
nominated_collect(struct nominated *n, const struct head *h)
{
	n->count = 0;
	if (!h->nominates)
		return;
	for (unsigned i = 0; i < h->field_count; i++) {
		struct slice value, name;

		if (h->fields[i].id != FIELD_CONNECTION)
			continue;
		value = field_value(h, &h->fields[i]);
		while (value_next(&value, &name)) {
			if (!may_be_nominated(h, name))
				continue;
			assert(n->count < H1_CONNECTION_OPTIONS); /* the parser saw to it */
			n->names[n->count++] = name;
		}
	}
}

static bool
is_nominated(const struct nominated *n, struct slice name)
{
	if (n == NULL)
		return false;
	for (unsigned i = 0; i < n->count; i++)
		if (slice_eq_nocase(n->names[i], name))
			return true;
	return false;
}

bool
fields_drops(const struct forward_edits *e, struct slice name)
{
	if (e == NULL)
		return false;
	for (unsigned i = 0; i < e->drop_count; i++)
		if (slice_eq_nocase(e->drop[i], name))
			return true;
	return false;
}

static struct slice
slice_between(const char *from, const char *to)
{
	return (struct slice){ from, (size_t)(to - from) };
}

/* Is the field's line, which ends at next, "name: value" or "name:value" with no other blanks? */
static bool
is_plain(const struct head *h, const struct field *f, uint32_t next)
{
	uint32_t name_end = f->name_at + f->name_len;
	uint32_t around = next - name_end - f->value_len;

	return around == 3 || (around == 4 && h->base[name_end + 1] == ' ');
}

void
fields_copy(struct out *o, const struct head *h, const struct nominated *n,
    const struct forward_edits *e, field_passes_fn *passes, const void *arg)
{
	const char *run = NULL; /* the lines not yet copied */

	for (unsigned i = 0; i < h->field_count; i++) {
		const struct field *f = &h->fields[i];
		uint32_t next = i + 1U < h->field_count ? f[1].name_at : h->len - 2;
		struct slice name = field_name(h, f);
		bool goes = passes(h, f, arg) && !is_nominated(n, name) && !fields_drops(e, name);
		bool plain = is_plain(h, f, next);

		if (goes && plain) {
			if (run == NULL)
				run = h->base + f->name_at;
			continue;
		}
		if (run != NULL)
			out_put(o, slice_between(run, h->base + f->name_at));
		run = NULL;
		if (goes) {
			assert(name.at != NULL);
			out_put(o, name);
			out_field(o, SLICE(": "), field_value(h, f));
		}
	}
	if (run != NULL)
		out_put(o, slice_between(run, h->base + h->len - 2));
	if (e != NULL)
		out_put(o, e->lines);
}

void
via_put(struct out *o, const struct head *h, struct slice pseudonym)
{
	if (pseudonym.len == 0)
		return;
	if (h->h2)
		out_put(o, SLICE("Via: 2.0 "));
	else
		out_put(o, h->minor == 0 ? SLICE("Via: 1.0 ") : SLICE("Via: 1.1 "));
	out_put(o, pseudonym);
	out_put(o, SLICE("\r\n"));
}

bool
name_starts(struct slice name, struct slice start)
{
	return name.len >= start.len && strncasecmp(name.at, start.at, start.len) == 0;
}
