/* SPDX-License-Identifier: Apache-2.0 */
#include "control/state_file.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "control/state.h"
#include "control/whole_file.h"

enum { VERSION = 1 };

#define FILE_NAME "state.json"

/* ---- writing ---- */

static json_t *
encode_regions(const struct state *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->region_count; i++) {
		const struct steer_saved_region *r = &s->regions[i].saved;

		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:I, s:f, s:I, s:I, s:I, s:I, s:f}", "service",
			s->regions[i].service, "region", r->name, "state",
			region_state_name(r->state), "age_ms", (json_int_t)r->age_ms, "relapses",
			r->relapses, "hold_left_ms", (json_int_t)r->hold_left_ms, "p50_us",
			(json_int_t)r->p50_us, "p95_us", (json_int_t)r->p95_us, "mean_us",
			(json_int_t)r->mean_us, "factor", r->factor));
	}
	return list;
}

static json_t *
encode_endpoints(const struct state *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->endpoint_count; i++) {
		const struct state_endpoint *e = &s->endpoints[i];

		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:b}", "service", e->service, "region",
			e->region, "host", e->host, "url", e->url, "up", e->up));
	}
	return list;
}

static json_t *
encode_names(const struct state *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->name_count; i++) {
		json_t *addresses = json_array();

		for (unsigned a = 0; a < s->names[i].address_count; a++)
			json_array_append_new(addresses, json_string(s->names[i].addresses[a]));
		json_array_append_new(list,
		    json_pack("{s:s, s:o}", "name", s->names[i].host, "addresses", addresses));
	}
	return list;
}

bool
state_file_write(const char *dir, const struct state *s, struct error *error)
{
	json_t *root = json_pack("{s:i, s:I, s:o, s:o, s:o}", "version", VERSION, "saved_wall_ms",
	    (json_int_t)s->saved_wall_ms, "regions", encode_regions(s), "endpoints",
	    encode_endpoints(s), "names", encode_names(s));
	char *text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
	bool good;

	json_decref(root);
	if (text == NULL) {
		error_set(error, "a name in the state is no UTF-8, so it cannot be written");
		return false;
	}
	good = whole_file_write(dir, FILE_NAME, text, strlen(text), error);
	free(text);
	return good;
}

/* ---- reading ---- */

static bool
region_state_from(const char *name, enum region_state *state)
{
	for (int s = REGION_UP; s <= REGION_EVACUATED; s++) {
		if (strcmp(region_state_name((enum region_state)s), name) == 0) {
			*state = (enum region_state)s;
			return true;
		}
	}
	return false;
}

static bool
decode_region(json_t *from, struct state *s)
{
	const char *service, *region, *state;
	json_int_t age_ms, hold_left_ms, p50_us = 0, p95_us = 0, mean_us = 0;
	struct steer_saved_region *r;
	enum region_state value;
	double relapses, factor = 0;

	/* latencies and factor: an older version did not write them */
	if (json_unpack(from, "{s:s, s:s, s:s, s:I, s:F, s:I, s?I, s?I, s?I, s?F}", "service",
		&service, "region", &region, "state", &state, "age_ms", &age_ms, "relapses",
		&relapses, "hold_left_ms", &hold_left_ms, "p50_us", &p50_us, "p95_us", &p95_us,
		"mean_us", &mean_us, "factor", &factor) != 0 ||
	    !region_state_from(state, &value) || age_ms < 0 || hold_left_ms < 0 || p50_us < 0 ||
	    p95_us < 0 || mean_us < 0 || !(relapses >= 0) || !(factor >= 0) ||
	    strlen(region) >= sizeof r->name)
		return false;
	r = state_add_region(s, service);
	memcpy(r->name, region, strlen(region) + 1);
	r->state = value;
	r->age_ms = (uint64_t)age_ms;
	r->relapses = relapses;
	r->hold_left_ms = (uint64_t)hold_left_ms;
	r->p50_us = (uint64_t)p50_us;
	r->p95_us = (uint64_t)p95_us;
	r->mean_us = (uint64_t)mean_us;
	r->factor = factor;
	return true;
}

static bool
decode_endpoint(json_t *from, struct state *s)
{
	struct state_endpoint e;
	int up;

	if (json_unpack(from, "{s:s, s:s, s:s, s:s, s:b}", "service", &e.service, "region",
		&e.region, "host", &e.host, "url", &e.url, "up", &up) != 0)
		return false;
	e.up = up != 0;
	state_add_endpoint(s, &e);
	return true;
}

enum { MOST_ADDRESSES = 1024 };

static bool
decode_name(json_t *from, struct state *s)
{
	const char *list[MOST_ADDRESSES];
	json_t *addresses;
	const char *host;
	size_t count;

	if (json_unpack(from, "{s:s, s:o}", "name", &host, "addresses", &addresses) != 0 ||
	    !json_is_array(addresses) || json_array_size(addresses) > MOST_ADDRESSES)
		return false;
	count = json_array_size(addresses);
	for (size_t i = 0; i < count; i++) {
		list[i] = json_string_value(json_array_get(addresses, i));
		if (list[i] == NULL)
			return false;
	}
	state_add_name(s, host, list, (unsigned)count);
	return true;
}

static bool
decode_list(const json_t *root, const char *key, bool (*decode_one)(json_t *, struct state *),
    struct state *s)
{
	const json_t *list = json_object_get(root, key);
	json_t *element;
	size_t i;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, element)
	{
		if (!decode_one(element, s))
			return false;
	}
	return true;
}

static struct state *
decode(const json_t *root, const char *path, uint64_t now_wall_ms, struct error *error)
{
	json_int_t saved = json_integer_value(json_object_get(root, "saved_wall_ms"));
	struct state *s;

	if (json_integer_value(json_object_get(root, "version")) != VERSION || saved <= 0) {
		error_set(error, "%s is of another version", path);
		return NULL;
	}
	if (now_wall_ms > (uint64_t)saved && now_wall_ms - (uint64_t)saved > STATE_MAX_AGE_MS) {
		error_set(error, "%s is older than a day", path);
		return NULL;
	}
	s = state_new((uint64_t)saved);
	if (!decode_list(root, "regions", decode_region, s) ||
	    !decode_list(root, "endpoints", decode_endpoint, s) ||
	    !decode_list(root, "names", decode_name, s)) {
		error_set(error, "%s is not what was once written there", path);
		state_free(s);
		return NULL;
	}
	state_sort(s);
	return s;
}

struct state *
state_file_read(const char *dir, uint64_t now_wall_ms, struct error *error)
{
	char *path = mem_printf("%s/" FILE_NAME, dir);
	struct state *s = NULL;
	json_error_t why;
	json_t *root;

	error_set(error, "%s", "");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		goto out;
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (root == NULL) {
		error_set(error, "cannot read %s: %s", path, why.text);
		goto out;
	}
	s = decode(root, path, now_wall_ms, error);
	json_decref(root);
out:
	mem_free(path);
	return s;
}

/* ---- keeping ---- */

struct state_keeper {
	struct mailbox *box;
	struct event *event;
	char *dir;
	bool failing; /* and said so */
};

static void
keep(struct state_keeper *k)
{
	struct state *s = mailbox_take(k->box);
	struct error error;

	if (s == NULL)
		return;
	if (k->dir[0] == '\0') {
		state_free(s);
		return;
	}
	if (state_file_write(k->dir, s, &error)) {
		if (k->failing)
			log_info("state_dir: the state of regions and endpoints is kept again");
		k->failing = false;
	} else {
		if (!k->failing)
			log_warn(
			    "state_dir: %s; a restart would begin without the state of regions "
			    "and endpoints",
			    error.text);
		k->failing = true;
	}
	state_free(s);
}

static void
on_box(evutil_socket_t fd, short what, void *arg)
{
	keep(arg);
}

struct state_keeper *
state_keeper_new(struct event_base *base, struct mailbox *box, const char *dir)
{
	struct state_keeper *k = mem_new(sizeof *k);

	k->box = box;
	k->dir = mem_strdup(dir);
	k->event = event_new(base, mailbox_fd(box), EV_READ | EV_PERSIST, on_box, k);
	if (k->event == NULL || event_add(k->event, NULL) != 0) {
		log_error("cannot make an event");
		abort();
	}
	return k;
}

void
state_keeper_set_dir(struct state_keeper *k, const char *dir)
{
	mem_free(k->dir);
	k->dir = mem_strdup(dir);
	k->failing = false;
}

void
state_keeper_free(struct state_keeper *k)
{
	if (k == NULL)
		return;
	keep(k);
	event_free(k->event);
	mem_free(k->dir);
	mem_free(k);
}
