/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cookie of sticky sessions, whatever a client says in its Cookie fields: an endpoint is wished
 * for by its very name in the first cookie of that name and by nothing else, and the answer names
 * whom the client met unless its cookie does.
 *
 * The input's first byte chooses what the service says and whom the client met; then one Cookie
 * field a line. "%" and "$" stand for the names of the two endpoints.
 */
#include "base/arena.h"
#include "conf/topology.h"
#include "oracle.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"
#include "proxy/service.h"
#include "proxy/sticky.h"
#include "steer/endpoint.h"
#include "steer/region.h"
#include "steer/steering.h"
#include "steer/sticky.h"
#include "steer/table.h"

enum { ENDPOINTS = 2, DIGITS = 16, ROOM = 64 * 1024 };

static const char cookie[] = "site";
static struct conf_sticky rule = { .cookie = cookie, .key = { 1, 2 } };
static struct conf_service conf = { .name = "shop", .sticky = &rule };
static struct endpoint endpoints[ENDPOINTS] = {
	{ .id = 1, .region = "east", .host = "a", .url = "http://192.0.2.1:80" },
	{ .id = 2, .region = "east", .host = "b", .url = "http://192.0.2.2:80" },
};
static struct endpoint *members[] = { &endpoints[0], &endpoints[1] };
static struct steering steering;
static struct table_region region = {
	.name = "east", .endpoints = members, .endpoint_count = ENDPOINTS, .steering = &steering
};
static struct table_service table = { .conf = &conf, .regions = &region, .region_count = 1 };
static struct service_region lasting;
static struct service_region *regions[] = { &lasting };
static struct service service = { .now = &table, .regions = regions, .region_count = 1 };
static char names[ENDPOINTS][DIGITS + 1];

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct arena *arena;

	arena = arena_new();
	sticky_build(&region, &conf, arena);
	atomic_store(&steering.share, 65536);
	atomic_store(&steering.state, REGION_UP);
	for (unsigned i = 0; i < ENDPOINTS; i++) {
		atomic_store(&endpoints[i].word, endpoint_word(ENDPOINT_UP, ENDPOINT_WEIGHT_FULL));
		snprintf(names[i], sizeof names[i], "%016llx",
		    (unsigned long long)sticky_name(&conf, &endpoints[i]));
	}
	return 0;
}

/* Cookie fields of the lines, one after the other; h refers to base. */
static void
make_head(struct head *h, char *base, const uint8_t *data, size_t size)
{
	size_t at = 0;

	h->base = base;
	while (size > 0 && h->field_count < HEAD_MAX_FIELDS) {
		struct field *f = &h->fields[h->field_count++];

		*f = (struct field){ .name_at = (uint32_t)at, .name_len = 6, .id = FIELD_COOKIE };
		memcpy(base + at, "cookie", 6);
		at += 6;
		f->value_at = (uint32_t)at;
		for (; size > 0 && *data != '\n'; data++, size--)
			if (*data == '%' || *data == '$') {
				memcpy(base + at, names[*data == '$'], DIGITS);
				at += DIGITS;
			} else {
				base[at++] = (char)*data;
			}
		f->value_len = (uint32_t)at - f->value_at;
		if (size > 0)
			data++, size--;
	}
}

/* The same by other means: RFC 6265 section 4.2.1, read with a copy that ends in NUL. */
static bool
first_cookie(const struct head *h, char *value, size_t room)
{
	static char text[ROOM];

	for (unsigned i = 0; i < h->field_count; i++) {
		const struct field *f = &h->fields[i];
		char *at = text;

		memcpy(text, h->base + f->value_at, f->value_len);
		text[f->value_len] = '\0';
		for (char *pair; (pair = strsep(&at, ";")) != NULL;) {
			size_t blank = strspn(pair, " \t"), len;

			pair += blank;
			len = strlen(pair);
			while (len > 0 && strchr(" \t", pair[len - 1]) != NULL)
				pair[--len] = '\0';
			if (strncmp(pair, "site=", 5) != 0)
				continue;
			snprintf(value, room, "%s", pair + 5);
			return true;
		}
	}
	return false;
}

static const struct endpoint *
named(const struct head *h)
{
	char value[DIGITS + 2];

	if (!first_cookie(h, value, sizeof value))
		return NULL;
	for (unsigned i = 0; i < ENDPOINTS; i++)
		if (strcmp(value, names[i]) == 0)
			return &endpoints[i];
	return NULL;
}

static void
must_say(const struct exchange *x, const struct endpoint *met, const struct endpoint *wished)
{
	static struct edits e;
	char wanted[64];
	struct slice said;
	size_t len;

	e.out = (struct forward_edits){ e.drop, 0, { e.lines, 0 } };
	sticky_say(x, &e);
	said = e.out.lines;
	must((said.len == 0) == (wished == met), "whom it met is said unless it knows");
	if (said.len == 0)
		return;
	len = (size_t)snprintf(
	    wanted, sizeof wanted, "Set-Cookie: site=%s; Path=/", names[met - endpoints]);
	must(said.len > len + 2 && memcmp(said.at, wanted, len) == 0, "the name of whom it met");
	must(memchr(said.at, '\n', said.len) == said.at + said.len - 1, "one line");
	must((memmem(said.at, said.len, "; Secure", 8) != NULL) ==
		(x->who.https || rule.same_site == SAME_SITE_NONE),
	    "Secure where it can be");
	must((memmem(said.at, said.len, "Max-Age=", 8) != NULL) == (rule.ttl_ms > 0), "its time");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exchange x;
	static char base[ROOM];
	struct endpoint_shard shard = { 0 };
	struct choice c = { 0 };
	const struct endpoint *wished;
	char *copy;
	uint8_t how;

	if (size == 0 || size > 2048)
		return 0;
	how = data[0];
	/* A NUL never gets into a head: where it stands, a text would end. */
	if (memchr(data + 1, '\0', size - 1) != NULL)
		return 0;
	rule.same_site = (enum conf_same_site)(how % 3);
	rule.ttl_ms = how & 4 ? 60000 : 0;
	memset(&x, 0, sizeof x);
	x.service = &service;
	x.try = &x.places[0];
	x.who.https = how & 8;
	make_head(&x.head, base, data + 1, size - 1);
	copy = exact_copy(base,
	    x.head.field_count == 0 ? 0
				    : x.head.fields[x.head.field_count - 1].value_at +
		    x.head.fields[x.head.field_count - 1].value_len);
	x.head.base = copy;
	wished = named(&x.head);
	if (how & 32) { /* it is to be left alone */
		x.pick.tried[0] = endpoints[0].id;
		x.pick.tried_count = 1;
	}
	must(sticky_wish(&x, &c) == (wished != NULL && !(how & 32 && wished == &endpoints[0])),
	    "a wish is the endpoint's own name, and can be granted");
	must(
	    c.endpoint == NULL || (c.endpoint == wished && c.region == &lasting), "it is that one");
	must_say(&x, NULL, NULL); /* nobody was met */
	shard.endpoint = members[how & 16 ? 1 : 0];
	x.try->shard = &shard;
	must_say(&x, shard.endpoint, wished);
	free(copy);
	return 0;
}
