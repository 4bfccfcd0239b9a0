// SPDX-License-Identifier: Apache-2.0
#include "proxy/split.h"

#include "base/regex.h"
#include "conf/topology.h"
#include "proxy/exchange.h"
#include "proxy/worker_state.h"

enum wish { NONE, CHOSEN, REFUSED };

static enum wish
wish_of(struct slice value)
{
	if (slice_eq_nocase(value, SLICE("always")))
		return CHOSEN;
	return slice_eq_nocase(value, SLICE("never")) ? REFUSED : NONE;
}

static enum wish
by_header(const struct conf_split *s, const struct exchange *x)
{
	struct slice value;

	if (s->header == NULL || !head_value(&x->head, slice_of(s->header), &value))
		return NONE;
	if (s->header_value != NULL)
		return slice_eq(value, slice_of(s->header_value)) ? CHOSEN : NONE;
	if (s->header_regex != NULL)
		return regex_find(s->header_regex, x->worker->regex, value, NULL) ? CHOSEN : NONE;
	return wish_of(value);
}

static enum wish
by_cookie(const struct conf_split *s, const struct exchange *x)
{
	struct slice value;

	if (s->cookie == NULL || !head_cookie(&x->head, slice_of(s->cookie), &value))
		return NONE;
	return wish_of(value);
}

/* A header's word counts more than a cookie's, of this split or of another. */
static bool
is_refused(const struct conf_split *s, const struct exchange *x)
{
	enum wish wish = by_header(s, x);

	return wish == REFUSED || (wish == NONE && by_cookie(s, x) == REFUSED);
}

static const struct conf_service *
by_weight(const struct conf_route *r, struct exchange *x, bool refusals_count)
{
	uint64_t sum = 0, drawn;
	uint64_t refused = 0; /* bit i: split i, of the first 64 */

	for (unsigned i = 0; i < r->split_count; i++) {
		if (refusals_count && i < 64 && is_refused(&r->splits[i], x))
			refused |= 1ull << i;
		else
			sum += r->splits[i].weight;
	}
	if (sum == 0)
		return NULL;
	drawn = rng_next(&x->worker->rng) % sum;
	for (unsigned i = 0; i < r->split_count; i++) {
		if (i < 64 && (refused >> i & 1) != 0)
			continue;
		if (drawn < r->splits[i].weight)
			return r->splits[i].service;
		drawn -= r->splits[i].weight;
	}
	return NULL;
}

const struct conf_service *
split_choose(const struct conf_route *r, struct exchange *x)
{
	const struct conf_service *s;

	for (unsigned i = 0; i < r->split_count; i++)
		if (by_header(&r->splits[i], x) == CHOSEN)
			return r->splits[i].service;
	for (unsigned i = 0; i < r->split_count; i++)
		if (by_header(&r->splits[i], x) == NONE &&
		    by_cookie(&r->splits[i], x) == CHOSEN)
			return r->splits[i].service;
	s = by_weight(r, x, true);
	return s != NULL ? s : by_weight(r, x, false); /* who refuses them all is not refused */
}
