// SPDX-License-Identifier: Apache-2.0
#include "proxy/edits.h"

#include <string.h>

#include "conf/topology.h"
#include "conf/variable.h"
#include "proxy/cors.h"
#include "proxy/exchange.h"
#include "proxy/gzip.h"
#include "proxy/mirror.h"
#include "proxy/service.h"
#include "proxy/sticky.h"
#include "proxy/template.h"
#include "proxy/worker_state.h"

static struct edits *
begin(const struct exchange *x)
{
	struct edits *e = x->worker->edits;

	e->out = (struct forward_edits){ e->drop, 0, { e->lines, 0 } };
	e->filled_in = 0;
	return e;
}

static const struct forward_edits *
end(const struct edits *e)
{
	return e->out.drop_count > 0 || e->out.lines.len > 0 ? &e->out : NULL;
}

void
edits_drop(struct edits *e, struct slice name)
{
	if (e->out.drop_count < EDITS_NAMES) /* the checks at load leave room for all */
		e->drop[e->out.drop_count++] = name;
}

void
edits_say_lines(struct edits *e, struct slice lines)
{
	if (lines.len > EDITS_BYTES - e->out.lines.len)
		return;
	memcpy(e->lines + e->out.lines.len, lines.at, lines.len);
	e->out.lines.len += lines.len;
}

void
edits_say(struct edits *e, struct slice name, struct slice value)
{
	size_t at = e->out.lines.len;
	struct text t = { e->lines + at, 0, EDITS_BYTES - at, false };

	text_add(&t, name);
	text_add(&t, SLICE(": "));
	text_add(&t, value);
	text_add(&t, SLICE("\r\n"));
	if (!t.full)
		e->out.lines.len += t.len;
}

/* So much of what follows is a request's. False: that is too much. */
static bool
fill_in(struct edits *e, size_t len)
{
	if (len > EDITS_FILLED_IN - e->filled_in)
		return false;
	e->filled_in += len;
	return true;
}

void
edits_fill_in(struct edits *e, struct slice name, struct slice value)
{
	if (fill_in(e, value.len))
		edits_say(e, name, value);
}

/* A line without a value is left out. */
static void
say_template(struct edits *e, const struct conf_field *f, const struct exchange *x,
    const struct try *t)
{
	char buf[CONF_EDITS_BYTES + EDITS_FILLED_IN];
	struct text value = { buf, 0, sizeof buf, false };
	const char *at = f->value;
	struct template_piece piece;
	size_t filled_in = 0;

	while (template_next(&at, &piece)) {
		size_t before = value.len;

		template_fill_piece(&value, &piece, x, t, NULL);
		filled_in += piece.variable != VARIABLE_NONE ? value.len - before : 0;
	}
	if (value.len > 0 && !value.full && fill_in(e, filled_in))
		edits_say(e, slice_of(f->name), (struct slice){ buf, value.len });
}

static bool
is_set_or_removed(const struct conf_edits *by, const char *name)
{
	for (unsigned i = 0; i < by->set_count; i++)
		if (strcasecmp(by->set[i].name, name) == 0)
			return true;
	for (unsigned i = 0; i < by->remove_count; i++)
		if (strcasecmp(by->remove[i], name) == 0)
			return true;
	return false;
}

/* later (NULL: none): its word on a field counts more. */
static void
apply(struct edits *e, const struct conf_edits *c, const struct conf_edits *later,
    const struct exchange *x, const struct try *t)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->remove_count; i++)
		edits_drop(e, slice_of(c->remove[i]));
	for (unsigned i = 0; i < c->set_count; i++) {
		edits_drop(e, slice_of(c->set[i].name));
		if (later == NULL || !is_set_or_removed(later, c->set[i].name))
			say_template(e, &c->set[i], x, t);
	}
	for (unsigned i = 0; i < c->add_count; i++)
		if (later == NULL || !is_set_or_removed(later, c->add[i].name))
			say_template(e, &c->add[i], x, t);
}

static const struct conf_service *
service_of(const struct exchange *x)
{
	return x->service != NULL && x->service->now != NULL ? x->service->now->conf : NULL;
}

const struct forward_edits *
edits_of_request(const struct try *t)
{
	const struct exchange *x = t->exchange;
	const struct conf_service *s = service_of(x);
	const struct conf_edits *by_service = s != NULL ? s->request_headers : NULL;
	const struct conf_edits *by_route = x->shaped != NULL ? x->shaped->request_headers : NULL;
	struct edits *e;

	if (by_service == NULL && by_route == NULL && x->mirror_of == NULL)
		return NULL;
	e = begin(x);
	apply(e, by_service, by_route, x, t);
	apply(e, by_route, NULL, x, t);
	if (x->mirror_of != NULL)
		mirror_say(x, e);
	return end(e);
}

/* own: it is no endpoint's. */
static const struct forward_edits *
answer(const struct exchange *x, bool own)
{
	const struct conf_service *s = service_of(x);
	const struct conf_edits *by_service = s != NULL ? s->response_headers : NULL;
	const struct conf_edits *by_route = x->shaped != NULL ? x->shaped->response_headers : NULL;
	bool sticks = !own && s != NULL && s->sticky != NULL;
	struct edits *e;

	if (x->shaped == NULL && by_service == NULL && !sticks)
		return NULL;
	e = begin(x);
	if (sticks)
		sticky_say(x, e);
	apply(e, by_service, by_route, x, x->try);
	apply(e, by_route, NULL, x, x->try);
	if (x->shaped != NULL && x->shaped->cors != NULL)
		cors_say(x->shaped->cors, x, e);
	if (!own && x->gzip != NULL)
		gzip_say(x->gzip, e);
	return end(e);
}

const struct forward_edits *
edits_of_answer(const struct exchange *x)
{
	return answer(x, false);
}

struct slice
edits_of_own_answer(const struct exchange *x)
{
	const struct forward_edits *e = answer(x, true);

	return e != NULL ? e->lines : (struct slice){ NULL, 0 };
}
