/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "conf/load.h"
#include "conf/topology.h"

static const char *
list_line(struct arena *arena, const char *name, const char *const *list, unsigned count)
{
	const char *line = "";

	for (unsigned i = 0; i < count; i++)
		line = arena_printf(arena, "%s%s%s", line, i == 0 ? "" : ", ", list[i]);
	return count == 0 ? "" : arena_printf(arena, "%s: %s\r\n", name, line);
}

static void
derive_cors(struct load *l, struct conf_cors *c)
{
	struct arena *arena = l->arena;

	c->any_origin = c->origin_count == 1 && strcmp(c->origins[0], "*") == 0;
	c->lines = arena_printf(arena, "%s%s%s%sAccess-Control-Max-Age: %u\r\n",
	    c->credentials ? "Access-Control-Allow-Credentials: true\r\n" : "",
	    list_line(arena, "Access-Control-Allow-Methods", c->methods, c->method_count),
	    list_line(arena, "Access-Control-Allow-Headers", c->headers, c->header_count),
	    list_line(arena, "Access-Control-Expose-Headers", c->expose, c->expose_count),
	    c->max_age_ms / 1000);
}

/* Of the secret and the service, so that one endpoint has another name in each. */
void
derive_sticky(struct conf_sticky *sticky, const char *service)
{
	const struct siphash_key first = { 0, 0 }, second = { 1, 0 };
	struct siphash a, b;

	siphash_begin(&a, &first);
	siphash_begin(&b, &second);
	if (sticky->secret != NULL) {
		siphash_add(&a, sticky->secret, strlen(sticky->secret) + 1);
		siphash_add(&b, sticky->secret, strlen(sticky->secret) + 1);
	}
	if (service != NULL) {
		siphash_add(&a, service, strlen(service));
		siphash_add(&b, service, strlen(service));
	}
	sticky->key = (struct siphash_key){ siphash_end(&a), siphash_end(&b) };
}

void
derive_shaping(struct load *l, struct conf_route *r)
{
	if (r->basic_auth != NULL)
		htpasswd_read(l, r->basic_auth);
	if (r->cors != NULL)
		derive_cors(l, r->cors);
	r->conditions = (r->method_count > 0) + r->header_count + r->query_count;
	r->shaped = r->request_headers != NULL || r->response_headers != NULL || r->cors != NULL ||
	    r->max_body_bytes > 0 || r->gzip || r->basic_auth != NULL || r->mirror != NULL;
}
