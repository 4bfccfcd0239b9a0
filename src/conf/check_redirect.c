/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/regex.h"
#include "conf/load.h"
#include "conf/location.h"
#include "conf/names.h"
#include "conf/pattern.h"
#include "conf/route_index.h"
#include "conf/variable.h"

#define MOST_HOPS 10

/* A request, as far as the file can tell: what routes go by. */
struct place {
	const char *host; /* "" when it is any */
	const char *path;
};

/* Is there a listener that speaks the scheme a redirect goes to? */
static bool
listens(const struct topology *t, bool https)
{
	for (unsigned i = 0; i < t->listener_count; i++)
		if ((t->listeners[i].tls != NULL) == https)
			return true;
	return false;
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static const char *
lower(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_strndup(arena, text, len);

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

/* The path of a redirect for a request at "at"; the query is of no interest. */
static const char *
fill_path(struct arena *arena, const char *target, const struct place *at)
{
	const char *path = "";

	for (;;) {
		size_t plain = strcspn(target, "$?#");

		path = arena_printf(arena, "%s%.*s", path, (int)plain, target);
		target += plain;
		if (!begins(target, "${path}"))
			break;
		path = arena_printf(arena, "%s%s", path, at->path);
		target += strlen("${path}");
	}
	return *path == '\0' ? "/" : path;
}

/*
 * Where r sends a request that came to "at"; false when that is not ours to judge: another
 * server as far as the file can tell.
 */
static bool
follow(const struct topology *t, struct arena *arena, const struct conf_route *r, struct place *at)
{
	const char *target = r->redirect;
	const char *authority = location_authority(target);

	if (authority != NULL) {
		if (target[0] != '/' && !listens(t, begins(target, "https:")))
			return false;
		target = authority;
		if (begins(target, "${host}")) {
			target += strlen("${host}");
		} else {
			size_t len = strcspn(target, "/?#$:");

			at->host = lower(arena, target, len);
			target += len;
		}
		/* Another port, or a host that is put together: elsewhere. */
		if (*target != '\0' && strchr("/?#", *target) == NULL &&
		    !begins(target, "${path}") && !begins(target, "${query}"))
			return false;
	}
	at->path = fill_path(arena, target, at);
	return true;
}

static bool
loops(const struct topology *t, const struct route_index *index, const struct conf_route *start)
{
	struct arena *arena = arena_new();
	const struct conf_route *r = start;
	const char *named;
	struct place at = { start->host, start->path };
	unsigned hops = 0;

	/* "*.b" stands for a name under it that no exact route has: a star is in no name. */
	named = at.host;
	while (r != NULL && r->redirect != NULL && r->redirect_regex == NULL && hops <= MOST_HOPS) {
		if (!follow(t, arena, r, &at))
			break;
		r = route_index_find(index, slice_of(at.host), slice_of(at.path), NULL, NULL);
		/* A route for any host says nothing about who serves a host that is named. */
		if (r != NULL && r->host[0] == '\0' && at.host[0] != '\0' && at.host != named)
			break;
		hops++;
	}
	arena_free(arena);
	return hops > MOST_HOPS;
}

/* The end of a host that is the file's own: at least two labels, "-eu.example.com". */
static bool
is_ones_own(const char *text)
{
	const char *dot = strchr(text, '.');

	return dot != NULL && strchr(dot + 1, '.') != NULL;
}

/* What a text of the file may be in an authority; the rest is judged when it is put together. */
static bool
may_stand_in_host(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.at[i]) && memchr("-._:[]", text.at[i], 6) == NULL)
			return false;
	return true;
}

/* Else that is what is wrong, and told already. */
static bool
has_its_groups(const struct conf_route *r)
{
	return r->redirect_regex != NULL &&
	    template_groups(r->redirect) <= (int)regex_groups(r->redirect_regex);
}

static bool
is_path(const struct conf_route *r, const struct template_piece *piece)
{
	return piece->variable == VARIABLE_GROUP && has_its_groups(r) &&
	    pattern_group_is_path(regex_text(r->redirect_regex), piece->group);
}

/* A piece of a host must be able to stand in one; false, with an error, if not. */
static bool
check_host_piece(struct load *l, const struct conf_route *r, const struct template_piece *piece)
{
	if (piece->variable != VARIABLE_NONE || may_stand_in_host(piece->text))
		return true;
	report_error(&l->report, &r->where,
	    "redirect \"%s\" has \"%.*s\" for its host, or part of it, which is none; write a name "
	    "and a port, and a slash behind them",
	    r->redirect, (int)piece->text.len, piece->text.at);
	return false;
}

/* A group that is a path ends the host, which must stand before it, and nothing of it behind. */
static bool
check_host_end(struct load *l, const struct conf_route *r, const struct template_piece *path,
    bool is_first, const char *behind)
{
	struct template_piece more;

	if (!is_first && !location_authority_next(&behind, &more))
		return true;
	report_error(&l->report, &r->where,
	    "redirect \"%s\" has $%u for its host, or part of it, and by the pattern that begins "
	    "with a slash, so requests would be answered 400; write the whole host before it",
	    r->redirect, path->group);
	return false;
}

/* The host of a redirect, if it names one. */
static void
check_host(struct load *l, const struct conf_route *r)
{
	const char *at = location_authority(r->redirect), *start = at, *before = at;
	const char *own = NULL; /* what follows the last group, up to the port */
	struct template_piece piece;
	unsigned group = 0;

	if (at == NULL)
		return;
	for (; location_authority_next(&at, &piece); before = at) {
		if (!check_host_piece(l, r, &piece))
			return;
		if (is_path(r, &piece)) {
			if (!check_host_end(l, r, &piece, before == start, at))
				return;
			break;
		}
		if (piece.variable == VARIABLE_GROUP) {
			own = at;
			group = piece.group;
		}
	}
	if (at == start)
		report_error(&l->report, &r->where,
		    "redirect \"%s\" names no host behind its two slashes, so whatever path follows "
		    "would be taken for one; write the host, or ${host}",
		    r->redirect);
	if (own != NULL && has_its_groups(r) &&
	    !is_ones_own(arena_strndup(l->arena, own, strcspn(own, "/?#:$"))))
		report_warning(&l->report, &r->where,
		    "redirect \"%s\" lets the path name the end of the host, so a link to this server "
		    "may lead anywhere; write a domain behind $%u, or a slash before it, or at the "
		    "beginning of its group",
		    r->redirect, group);
}

/* The conditions of a route, as far as they tell it from another one of the same place. */
static const char *
conditions_text(struct arena *arena, const struct conf_route *r)
{
	const char *text = "";

	for (unsigned i = 0; i < r->method_count; i++)
		text = arena_printf(arena, "%s %s", text, r->methods[i]);
	for (unsigned i = 0; i < r->header_count + r->query_count; i++) {
		bool header = i < r->header_count;
		const struct conf_match *m =
		    header ? &r->headers[i] : &r->query[i - r->header_count];

		text = arena_printf(arena, "%s %s%s %d=%s ^%s ~%s", text, header ? "" : "?",
		    m->name, m->present, m->value != NULL ? m->value : "",
		    m->prefix != NULL ? m->prefix : "",
		    m->regex != NULL ? regex_text(m->regex) : "");
	}
	return text;
}

static void
check_duplicate(struct load *l, struct names *places, const struct conf_route *r)
{
	struct slice path = route_index_path(r);
	const char *key = arena_printf(l->arena, "%s %s%.*s%s", r->host, r->exact ? "=" : "",
	    (int)path.len, path.at, conditions_text(l->arena, r));
	const struct name *other = names_add(places, key, r, r->where);

	if (other != NULL)
		report_error(&l->report, &r->where,
		    "\"%s%s\" has a route already (%s:%u); remove one, or change its host or path",
		    r->host, r->path, other->where.file, other->where.line);
}

static bool
is_followed(const struct conf_route *r)
{
	return r->host != NULL && r->path != NULL && r->redirect != NULL && r->conditions == 0;
}

/* A route with conditions is not followed: whether a request meets them is not to be told here. */
static void
check_loops(struct load *l)
{
	const struct topology *t = l->topology;
	struct route_index *index = NULL;

	for (unsigned i = 0; i < t->route_count; i++) {
		const struct conf_route *r = &t->routes[i];

		if (!is_followed(r))
			continue;
		if (index == NULL)
			index = route_index_build(t);
		if (loops(t, index, r))
			report_error(&l->report, &r->where,
			    "redirect \"%s\" never arrives: each answer leads to another "
			    "redirect of these routes; name another host or path, or use "
			    "redirect_https",
			    r->redirect);
	}
	if (index != NULL)
		route_index_free(index);
}

void
check_redirects(struct load *l)
{
	const struct topology *t = l->topology;
	struct names *places = names_new();

	for (unsigned i = 0; i < t->route_count; i++)
		if (t->routes[i].host != NULL && t->routes[i].path != NULL)
			check_duplicate(l, places, &t->routes[i]);
	for (unsigned i = 0; i < t->route_count; i++)
		if (t->routes[i].redirect != NULL)
			check_host(l, &t->routes[i]);
	names_free(places);
	check_loops(l);
}
