// SPDX-License-Identifier: Apache-2.0
#include "proxy/template.h"

#include "conf/variable.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/path.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"

void
text_add(struct text *t, struct slice s)
{
	if (s.len > t->size - t->len) {
		t->full = true;
		return;
	}
	if (s.len > 0)
		memcpy(t->at + t->len, s.at, s.len);
	t->len += s.len;
}

static void
add_host(struct text *t, const struct exchange *x)
{
	struct slice host = head_slice(&x->head, x->head.host);
	char out[256];
	size_t len = 0;
	unsigned port;

	if (host.len > 0 && host.len < sizeof out && uri_split_authority(host, out, &len, &port))
		text_add(t, (struct slice){ out, len });
}

/*
 * The path that decided which route the request takes: what says another one to an endpoint, or to
 * where a redirect leads, says what was not looked at. As it came where no route was looked for.
 */
static void
add_path(struct text *t, const struct exchange *x)
{
	struct slice raw = head_slice(&x->head, x->head.path);
	size_t len;
	bool changed;

	if (raw.len > t->size - t->len)
		t->full = true;
	else if (path_normalize(&x->head, &x->worker->limits, t->at + t->len, &len, &changed))
		t->len += len;
	else
		text_add(t, raw);
}

static const struct endpoint *
endpoint_of(const struct try *t)
{
	return t != NULL && t->shard != NULL ? t->shard->endpoint : NULL;
}

static void
add_variable(struct text *t, enum conf_variable variable, const struct exchange *x,
    const struct endpoint *e)
{
	switch (variable) {
	case VARIABLE_HOST:
		add_host(t, x);
		break;
	case VARIABLE_PATH:
		add_path(t, x);
		break;
	case VARIABLE_QUERY:
		text_add(t, head_slice(&x->head, x->head.query));
		break;
	case VARIABLE_METHOD:
		text_add(t, head_slice(&x->head, x->head.method_text));
		break;
	case VARIABLE_SCHEME:
		text_add(t, x->who.https ? SLICE("https") : SLICE("http"));
		break;
	case VARIABLE_CLIENT_IP:
		text_add(t, (struct slice){ x->who.text, x->who.text_len });
		break;
	case VARIABLE_REQUEST_ID:
		text_add(t, (struct slice){ x->request_id, sizeof x->request_id });
		break;
	case VARIABLE_ROUTE:
		text_add(t, slice_of(x->route));
		break;
	case VARIABLE_SERVICE:
		text_add(t, slice_of(x->service != NULL ? x->service->name : ""));
		break;
	case VARIABLE_REGION:
		text_add(t, slice_of(e != NULL ? e->region : ""));
		break;
	case VARIABLE_ENDPOINT:
		text_add(t, slice_of(e != NULL ? e->url : ""));
		break;
	case VARIABLE_NONE:
	case VARIABLE_GROUP:
		break;
	}
}

void
template_fill_piece(struct text *t, const struct template_piece *piece, const struct exchange *x,
    const struct try *try, const struct slice *groups)
{
	if (piece->variable == VARIABLE_NONE)
		text_add(t, piece->text);
	else if (piece->variable != VARIABLE_GROUP)
		add_variable(t, piece->variable, x, endpoint_of(try));
	else if (groups != NULL)
		text_add(t, groups[piece->group]);
}

void
template_fill(struct text *t, const char *template, const struct exchange *x, const struct try *try,
    const struct slice *groups)
{
	struct template_piece piece;

	while (template_next(&template, &piece))
		template_fill_piece(t, &piece, x, try, groups);
}
