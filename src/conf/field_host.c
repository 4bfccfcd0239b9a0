/* SPDX-License-Identifier: Apache-2.0 */
#include <libconfig.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "conf/address.h"
#include "conf/field.h"

/* Reports what is no host but has one in it, "https://shop.example.com/cart", with that host. */
static bool
is_more_than_host(struct load *l, const struct value *v)
{
	const char *host = strstr(v->text, "://"), *path;
	bool route = v->key->type == TYPE_ROUTE_HOST;
	size_t len;

	host = host != NULL ? host + strlen("://") : v->text;
	path = strchr(host, '/');
	if ((host == v->text && path == NULL) || *host == '/' || *host == '\0')
		return false;
	if (v->key->type == TYPE_AUTHORITY)
		len = strcspn(host, "/?#");
	else if (host[0] == '[')
		len = strcspn(host, "]/?#") + (strchr(host, ']') != NULL);
	else
		len = strcspn(host, ":/?#");
	if (route && path != NULL && path[1] != '\0')
		field_complain(l, v,
		    "\"%s\" is more than a host; write host = \"%.*s\"; path = \"%.*s\";", v->text,
		    (int)len, host, (int)strcspn(path, "?#"), path);
	else
		field_complain(
		    l, v, "\"%s\" is more than a host; write \"%.*s\"", v->text, (int)len, host);
	return true;
}

void
field_set_hostname(struct load *l, const struct value *v)
{
	struct error e;
	const char *host;

	if (!field_wants_text(l, v) || is_more_than_host(l, v))
		return;
	host = conf_host_parse(v->text, strlen(v->text), l->arena, &e);
	if (host == NULL)
		field_complain(l, v, "%s", e.text);
	*(const char **)v->field = host;
}

void
field_set_authority(struct load *l, const struct value *v)
{
	struct error e;
	const char *host;

	if (!field_wants_text(l, v) || is_more_than_host(l, v))
		return;
	host = conf_authority_parse(v->text, l->arena, &e);
	if (host == NULL)
		field_complain(l, v, "%s", e.text);
	*(const char **)v->field = host;
}

/* What other proxies write for any host. */
static bool
is_any(const char *text)
{
	return strcmp(text, "*") == 0 || strcmp(text, "_") == 0;
}

/* False: reported. */
static bool
has_only_host(struct load *l, const struct value *v, const char *name)
{
	if (is_any(v->text)) {
		field_complain(
		    l, v, "\"%s\" is no host; leave host out to take any, or write one", v->text);
		return false;
	}
	if (is_more_than_host(l, v))
		return false;
	if (strchr(name, '*') != NULL) {
		field_complain(l, v,
		    "\"%s\" has its star in the wrong place; write \"*.example.com\"", v->text);
		return false;
	}
	if (name[0] != '[' && strchr(name, ':') != NULL) {
		field_complain(l, v,
		    "\"%s\" has a port; routes go by the host alone, write \"%.*s\"", v->text,
		    (int)strcspn(v->text, ":"), v->text);
		return false;
	}
	return true;
}

void
field_set_route_host(struct load *l, const struct value *v)
{
	bool wild = v->type == CONFIG_TYPE_STRING && strncmp(v->text, "*.", 2) == 0;
	const char *name, *host;
	struct error e;

	if (!field_wants_text(l, v))
		return;
	name = wild ? v->text + 2 : v->text;
	if (*name == '\0' && !wild) {
		*(const char **)v->field = "";
		return;
	}
	if (!has_only_host(l, v, name))
		return;
	host = name[0] == '[' ? conf_authority_parse(name, l->arena, &e)
			      : conf_host_parse(name, strlen(name), l->arena, &e);
	if (host == NULL)
		field_complain(l, v, "%s", e.text);
	else
		*(const char **)v->field = wild ? arena_printf(l->arena, "*.%s", host) : host;
}
