/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/route_index.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/hash.h"
#include "conf/topology.h"

struct rule {
	const char *host;
	const char *path;
	bool exact;
};

static void
fill(struct topology *t, struct conf_route *routes, const struct rule *rules, unsigned count)
{
	*t = (struct topology){ .routes = routes, .route_count = count };
	for (unsigned i = 0; i < count; i++)
		routes[i] = (struct conf_route){
			.host = rules[i].host, .path = rules[i].path, .exact = rules[i].exact
		};
}

struct question {
	const char *host;
	const char *path;
	int route; /* -1: none */
};

static void
ask(const struct rule *rules, unsigned rule_count, const struct question *questions, unsigned count)
{
	struct conf_route *routes = calloc(rule_count + 1, sizeof *routes);
	struct topology t;
	struct route_index *x;

	fill(&t, routes, rules, rule_count);
	x = route_index_build(&t);
	for (unsigned i = 0; i < count; i++) {
		const struct conf_route *r = route_index_find(
		    x, slice_of(questions[i].host), slice_of(questions[i].path), NULL, NULL);
		int found = r != NULL ? (int)(r - routes) : -1;

		ck_assert_msg(found == questions[i].route, "\"%s\" \"%s\": route %d, expected %d",
		    questions[i].host, questions[i].path, found, questions[i].route);
	}
	route_index_free(x);
	free(routes);
}

#define ASK(rules, ...)                                                                            \
	do {                                                                                       \
		static const struct question questions[] = { __VA_ARGS__ };                        \
                                                                                                   \
		ask(rules, ARRAY_SIZE(rules), questions, ARRAY_SIZE(questions));                   \
	} while (0)

START_TEST(a_prefix_matches_on_segment_borders_only)
{
	static const struct rule rules[] = { { "", "/", false }, { "", "/api", false },
		{ "", "/api/v2/", false }, { "", "/a/b/c/d/e", false } };

	ASK(rules, { "h", "/", 0 }, { "h", "/x", 0 }, { "h", "/api", 1 }, { "h", "/api/", 1 },
	    { "h", "/api/x", 1 }, { "h", "/apix", 0 }, { "h", "/ap", 0 }, { "h", "/api/v2", 2 },
	    { "h", "/api/v2/", 2 }, { "h", "/api/v2/x/y", 2 }, { "h", "/api/v21", 1 },
	    { "h", "/api/v", 1 }, { "h", "/a/b/c/d/e", 3 }, { "h", "/a/b/c/d/e/f", 3 },
	    { "h", "/a/b/c/d/ef", 0 }, { "h", "/a/b/c/d", 0 }, { "h", "/x/api", 0 },
	    { "h", "//api", 0 }, { "h", "/api//v2", 1 }, { "h", "*", 0 }, { "h", "", 0 });
}
END_TEST

START_TEST(an_exact_path_is_only_itself_and_goes_first)
{
	static const struct rule rules[] = { { "", "/login", true }, { "", "/login", false },
		{ "", "/", true }, { "", "/dir/", true } };

	ASK(rules, { "h", "/login", 0 }, { "h", "/login/", 1 }, { "h", "/login/x", 1 },
	    { "h", "/", 2 }, { "h", "/x", -1 }, { "h", "/dir/", 3 }, { "h", "/dir", -1 },
	    { "h", "/dir/x", -1 }, { "h", "", -1 });
}
END_TEST

START_TEST(the_exact_host_then_the_longest_wildcard_then_any)
{
	static const struct rule rules[] = { { "", "/", false }, { "*.example.com", "/", false },
		{ "*.eu.example.com", "/", false }, { "shop.example.com", "/", false },
		{ "*.com", "/", false }, { "[::1]", "/", false }, { "10.0.0.1", "/", false } };

	ASK(rules, { "shop.example.com", "/", 3 }, { "x.example.com", "/", 1 },
	    { "a.b.example.com", "/", 1 }, { "example.com", "/", 4 },
	    { "x.eu.example.com", "/", 2 }, { "a.b.c.eu.example.com", "/", 2 },
	    { "eu.example.com", "/", 1 }, { "a.shop.example.com", "/", 1 },
	    { "xexample.com", "/", 4 }, { "com", "/", 0 }, { "", "/", 0 }, { "x.org", "/", 0 },
	    { ".example.com", "/", 4 }, { ".com", "/", 0 }, { "shop.example.com.", "/", 3 },
	    { ".", "/", 0 }, { "a..example.com", "/", 1 }, { "[::1]", "/", 5 },
	    { "10.0.0.1", "/", 6 }, { "*.example.com", "/", 1 }, { "..", "/", 0 });
}
END_TEST

START_TEST(a_host_without_a_matching_path_falls_through_to_the_wider_one)
{
	static const struct rule rules[] = { { "shop.example.com", "/cart", false },
		{ "*.example.com", "/api", false }, { "*.com", "/api/v2", true },
		{ "", "/health", true } };

	ASK(rules, { "shop.example.com", "/cart", 0 }, { "shop.example.com", "/api/x", 1 },
	    { "shop.example.com", "/health", 3 }, { "shop.example.com", "/", -1 },
	    { "example.com", "/api/v2", 2 }, { "x.example.com", "/api/v2", 1 },
	    { "x.org", "/health", 3 }, { "x.org", "/cart", -1 });
}
END_TEST

START_TEST(without_an_any_host_route_a_stranger_finds_nothing)
{
	static const struct rule rules[] = { { "a.example", "/", false } };

	ASK(rules, { "a.example", "/", 0 }, { "b.example", "/", -1 }, { "", "/", -1 });
}
END_TEST

START_TEST(of_equal_routes_the_first_stands)
{
	static const struct rule rules[] = { { "", "/api/", false }, { "", "/api", false },
		{ "", "/x", true }, { "", "/x", true } };

	ASK(rules, { "", "/api", 0 }, { "", "/x", 2 });
}
END_TEST

START_TEST(no_routes_find_nothing)
{
	static const struct question q = { "h", "/", -1 };

	ask(NULL, 0, &q, 1);
}
END_TEST

START_TEST(very_deep_prefixes_and_hosts_are_found)
{
	char path[600] = "";
	char host[600] = "*";
	char longer[700];
	struct rule rules[2];
	struct question q[4];

	for (unsigned i = 0; i < 100; i++) {
		strcat(path, "/d");
		strcat(host, ".l");
	}
	rules[0] = (struct rule){ host, path, false };
	rules[1] = (struct rule){ "", "/d", false };
	snprintf(longer, sizeof longer, "%s/more", path);
	q[0] = (struct question){ host, longer, 0 };
	q[1] = (struct question){ host, path, 0 };
	q[2] = (struct question){ host + 2, path, 1 };
	q[3] = (struct question){ host, path + 2, 1 };
	ask(rules, 2, q, 4);
}
END_TEST

/* The rules said once more, slowly. */
static bool
path_matches(const struct rule *r, const char *path)
{
	size_t len = strlen(r->path);

	if (r->exact)
		return strcmp(r->path, path) == 0;
	while (len > 0 && r->path[len - 1] == '/')
		len--;
	return strncmp(path, r->path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static int
host_rank(const struct rule *r, const char *host)
{
	size_t len = strlen(host);
	size_t suffix;

	if (r->host[0] == '\0')
		return 0;
	if (r->host[0] != '*')
		return strcmp(r->host, host) == 0 ? 1000 : -1;
	suffix = strlen(r->host) - 1;
	return len > suffix && strcmp(host + len - suffix, r->host + 1) == 0 ? (int)suffix : -1;
}

static int
find_slowly(const struct rule *rules, unsigned count, const char *host, const char *path)
{
	int best = -1;
	long best_rank = -1;

	for (unsigned i = 0; i < count; i++) {
		long rank = host_rank(&rules[i], host);

		if (rank < 0 || !path_matches(&rules[i], path))
			continue;
		rank = rank * 10000 + (rules[i].exact ? 5000 : (long)strlen(rules[i].path));
		/* Trailing slashes do not make a prefix longer. */
		if (!rules[i].exact && rules[i].path[strlen(rules[i].path) - 1] == '/')
			rank--;
		if (rank > best_rank) {
			best_rank = rank;
			best = (int)i;
		}
	}
	return best;
}

/* Numbers that look drawn, and are the same in each run. */
static uint32_t
below(uint64_t *draw, uint32_t bound)
{
	++*draw;
	return (uint32_t)(hash_bytes(draw, sizeof *draw, 11) % bound);
}

static const char *
random_text(struct arena *arena, uint64_t *draw, char separator, bool path)
{
	char text[64] = "";
	size_t len = 0;

	for (unsigned i = 1 + below(draw, 4); i > 0; i--) {
		if (path || len > 0)
			text[len++] = separator;
		for (unsigned j = 1 + below(draw, 2); j > 0; j--)
			text[len++] = (char)('a' + below(draw, 2));
	}
	if (path && below(draw, 4) == 0)
		text[len++] = separator;
	return arena_strndup(arena, text, len);
}

START_TEST(the_index_agrees_with_the_rules_on_random_routes)
{
	enum { RULES = 300, QUESTIONS = 20000 };
	struct arena *arena = arena_new();
	struct rule *rules = arena_array(arena, RULES, sizeof *rules);
	struct question *q = arena_array(arena, QUESTIONS, sizeof *q);
	uint64_t draw = 0;

	for (unsigned i = 0; i < RULES; i++) {
		const char *host = random_text(arena, &draw, '.', false);

		switch (below(&draw, 3)) {
		case 0:
			host = "";
			break;
		case 1:
			host = arena_printf(arena, "*.%s", host);
			break;
		default:
			break;
		}
		rules[i] = (struct rule){ host, random_text(arena, &draw, '/', true),
			below(&draw, 3) == 0 };
	}
	for (unsigned i = 0; i < QUESTIONS; i++) {
		q[i].host = random_text(arena, &draw, '.', false);
		q[i].path = random_text(arena, &draw, '/', true);
		q[i].route = find_slowly(rules, RULES, q[i].host, q[i].path);
	}
	ask(rules, RULES, q, QUESTIONS);
	arena_free(arena);
}
END_TEST

/* This thread's own time: what other processes do on the machine counts less. */
static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ns for a lookup among hosts x paths routes, of so many different ones in turn. */
static double
measure(unsigned hosts, unsigned paths, unsigned different)
{
	enum { LOOKUPS = 500000 };
	struct arena *arena = arena_new();
	struct topology t = { .route_count = hosts * paths };
	struct slice *asked = arena_array(arena, 2 * different, sizeof *asked);
	unsigned found = 0;
	struct route_index *x;
	uint64_t draw = 0;
	uint64_t start;
	double ns;

	t.routes = arena_array(arena, t.route_count, sizeof t.routes[0]);
	for (unsigned i = 0; i < t.route_count; i++) {
		bool wildcard = i / paths % 4 == 3;

		t.routes[i].host = arena_printf(
		    arena, "%s%u.shops.example.com", wildcard ? "*." : "tenant-", i / paths);
		t.routes[i].path = arena_printf(arena, "/api/v%u/items", i % paths);
	}
	x = route_index_build(&t);
	for (unsigned i = 0; i < different; i++) {
		unsigned host = below(&draw, hosts);

		asked[2 * i] = slice_of(arena_printf(
		    arena, "%s%u.shops.example.com", host % 4 == 3 ? "www." : "tenant-", host));
		asked[2 * i + 1] =
		    slice_of(arena_printf(arena, "/api/v%u/items/4711/edit", below(&draw, paths)));
	}
	start = cpu_ns();
	for (unsigned i = 0; i < LOOKUPS; i++) {
		const struct slice *q = &asked[2 * (i % different)];

		found += route_index_find(x, q[0], q[1], NULL, NULL) != NULL;
	}
	ns = (double)(cpu_ns() - start) / LOOKUPS;
	ck_assert_uint_eq(found, LOOKUPS);
	route_index_free(x);
	arena_free(arena);
	return ns;
}

/* The best of five of each, taken in turn. */
static void
compare(const char *what, unsigned different, double most)
{
	double few = 1e9;
	double many = 1e9;

	for (unsigned i = 0; i < 5; i++) {
		double one = measure(10, 10, different);
		double other = measure(1000, 100, different);

		few = one < few ? one : few;
		many = other < many ? other : many;
	}
	printf("%s: %.0f ns among 100 routes, %.0f ns among 100,000 (x %.2f)\n", what, few, many,
	    many / few);
	ck_assert_msg(
	    many < most * few, "%s: %.0f ns among 100, %.0f ns among 100,000", what, few, many);
}

/*
 * The bounds are generous: what is left to grow is the processor's cache misses, three of them at
 * most, when every route is asked for equally often. A search of any kind would cost thousands.
 * So generous that a machine which others keep busy, and its caches full, stays inside them.
 */
START_TEST(a_lookup_among_100000_routes_costs_about_what_it_costs_among_100)
{
	compare("2,000 popular routes", 2000, 12);
	compare("all routes alike", 65536, 30);
}
END_TEST

/* A route is for a request when all its conditions are among those the request meets. */
static bool
is_met(const struct conf_route *r, void *arg)
{
	const char *met = arg;

	for (unsigned i = 0; i < r->header_count; i++)
		if (strstr(met, r->headers[i].name) == NULL)
			return false;
	return true;
}

START_TEST(the_route_with_the_most_conditions_goes_first_and_none_met_is_no_route)
{
	static struct conf_match a[] = { { .name = "a" } },
				 ab[] = { { .name = "a" }, { .name = "b" } },
				 c[] = { { .name = "c" } };
	struct conf_route routes[] = {
		{ .host = "h", .path = "/x" },
		{ .host = "h", .path = "/x", .headers = a, .header_count = 1, .conditions = 1 },
		{ .host = "h", .path = "/x", .headers = c, .header_count = 1, .conditions = 1 },
		{ .host = "h", .path = "/x", .headers = ab, .header_count = 2, .conditions = 2 },
		{ .host = "h", .path = "/x/y", .headers = c, .header_count = 1, .conditions = 1 },
		{ .host = "h", .path = "/x/y/z", .headers = a, .header_count = 1, .conditions = 1 },
		{ .host = "h",
		    .path = "/e",
		    .exact = true,
		    .headers = a,
		    .header_count = 1,
		    .conditions = 1 },
		{ .host = "*.w",
		    .path = "/only",
		    .headers = a,
		    .header_count = 1,
		    .conditions = 1 },
		{ .host = "", .path = "/" },
	};
	static const struct {
		const char *host, *path, *met;
		int route;
	} asked[] = {
		{ "h", "/x", "", 0 },
		{ "h", "/x", "a", 1 },
		{ "h", "/x", "ac", 1 },
		{ "h", "/x", "c", 2 },
		{ "h", "/x", "ab", 3 },
		{ "h", "/x", "abc", 3 },
		{ "h", "/x/y", "c", 4 },
		{ "h", "/x/y", "a", 1 },
		{ "h", "/x/y/z/1", "a", 5 },
		{ "h", "/x/y/z/1", "c", 4 },
		{ "h", "/x/y/z/1", "", 0 },
		{ "h", "/e", "a", 6 },
		{ "h", "/e", "", 8 },
		{ "q.w", "/only", "a", 7 },
		{ "q.w", "/only", "", 8 },
	};
	struct topology t = { .routes = routes, .route_count = ARRAY_SIZE(routes) };
	struct route_index *x = route_index_build(&t);

	for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
		char met[8];
		const struct conf_route *r;

		strcpy(met, asked[i].met);
		r = route_index_find(
		    x, slice_of(asked[i].host), slice_of(asked[i].path), is_met, met);
		ck_assert_msg(r == &routes[asked[i].route], "%s%s with %s: route %ld",
		    asked[i].host, asked[i].path, met, (long)(r - routes));
	}
	/* Who can't tell gets those without conditions. */
	ck_assert_ptr_eq(route_index_find(x, SLICE("h"), SLICE("/x/y/z"), NULL, NULL), routes);
	route_index_free(x);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/route_index");
	TCase *tests = tcase_create("route_index");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(
	    tests, the_route_with_the_most_conditions_goes_first_and_none_met_is_no_route);
	tcase_add_test(tests, a_prefix_matches_on_segment_borders_only);
	tcase_add_test(tests, an_exact_path_is_only_itself_and_goes_first);
	tcase_add_test(tests, the_exact_host_then_the_longest_wildcard_then_any);
	tcase_add_test(tests, a_host_without_a_matching_path_falls_through_to_the_wider_one);
	tcase_add_test(tests, without_an_any_host_route_a_stranger_finds_nothing);
	tcase_add_test(tests, of_equal_routes_the_first_stands);
	tcase_add_test(tests, no_routes_find_nothing);
	tcase_add_test(tests, very_deep_prefixes_and_hosts_are_found);
	tcase_add_test(tests, the_index_agrees_with_the_rules_on_random_routes);
	tcase_add_test(tests, a_lookup_among_100000_routes_costs_about_what_it_costs_among_100);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
