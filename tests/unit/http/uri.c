#include "http/uri.h"
#include "pieces.h"

struct path_case {
	const char *path;
	const char *normal; /* NULL: refused */
};

static const struct path_case paths[] = {
	{ "/", "/" },
	{ "/a", "/a" },
	{ "/a/", "/a/" },
	{ "/a/b.c", "/a/b.c" },
	{ "//", "//" },
	{ "/a//b", "/a//b" },
	{ "///a", "///a" },
	{ "/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@" },
	/* dot segments */
	{ "/.", "/" },
	{ "/./", "/" },
	{ "/..", "/" },
	{ "/../", "/" },
	{ "/a/.", "/a/" },
	{ "/a/./b", "/a/b" },
	{ "/a/..", "/" },
	{ "/a/../", "/" },
	{ "/a/../b", "/b" },
	{ "/a/b/..", "/a/" },
	{ "/a/b/../c", "/a/c" },
	{ "/a/b/../../c", "/c" },
	{ "/a/b/../../../c", "/c" },
	{ "/../../../etc/passwd", "/etc/passwd" },
	{ "/a/./././b", "/a/b" },
	{ "/a//../b", "/a/b" },
	{ "//..", "/" },
	{ "//../a", "/a" },
	{ "/a/b//..", "/a/b/" },
	{ "/...", "/..." },
	{ "/.a", "/.a" },
	{ "/a.", "/a." },
	{ "/..a", "/..a" },
	{ "/a..", "/a.." },
	{ "/a/.../b", "/a/.../b" },
	{ "/a/b/c/./../../g", "/a/g" },
	/* dot segments in escapes */
	{ "/%2e", "/" },
	{ "/%2E%2e/a", "/a" },
	{ "/a/%2e%2e/b", "/b" },
	{ "/a/.%2e/b", "/b" },
	{ "/a/%2e./b", "/b" },
	{ "/a/%2e", "/a/" },
	{ "/a%2e%2e/b", "/a../b" },
	{ "/a/%252e%252e/b", "/a/%252e%252e/b" },
	{ "/a/b%2fc", "/a/b%2Fc" },
	{ "/a/..b%2f.c", "/a/..b%2F.c" },
	{ "/a/..b;/c", "/a/..b;/c" },
	{ "/...;a", "/...;a" },
	/* escapes */
	{ "/%41%7a%30%2D%2E%5f%7e", "/Az0-._~" },
	{ "/%2f", "/%2F" },
	{ "/%2F", "/%2F" },
	{ "/%20", "/%20" },
	{ "/%3a", "/%3A" },
	{ "/%3f%23", "/%3F%23" },
	{ "/%25", "/%25" },
	{ "/%2541", "/%2541" },
	{ "/%c3%a9", "/%C3%A9" },
	{ "/%C3%A9", "/%C3%A9" },
	{ "/%c2%80", "/%C2%80" },
	{ "/%df%bf", "/%DF%BF" },
	{ "/%e0%a0%80", "/%E0%A0%80" },
	{ "/%ed%9f%bf", "/%ED%9F%BF" },
	{ "/%ee%80%80", "/%EE%80%80" },
	{ "/%ef%bf%bf", "/%EF%BF%BF" },
	{ "/%f0%90%80%80", "/%F0%90%80%80" },
	{ "/%f4%8f%bf%bf", "/%F4%8F%BF%BF" },
	/* refused */
	{ "", NULL },
	{ "a", NULL },
	{ "*", NULL },
	{ "http://a/", NULL },
	{ "/%", NULL },
	{ "/%4", NULL },
	{ "/%4g", NULL },
	{ "/%g4", NULL },
	{ "/%%41", NULL },
	{ "/a%", NULL },
	{ "/%00", NULL },
	{ "/a%00b", NULL },
	{ "/%0a", NULL },
	{ "/%0d%0a", NULL },
	{ "/%1f", NULL },
	{ "/%7f", NULL },
	{ "/%5c", NULL },
	{ "/a%5C..%5Cb", NULL },
	{ "/a\\b", NULL },
	{ "/a\tb", NULL },
	{ "/a b", NULL },
	{ "/a\nb", NULL },
	{ "/a\x7f", NULL },
	{ "/a?b", NULL },
	{ "/a#b", NULL },
	{ "/\xc3\xa9", NULL },
	{ "/\"", NULL },
	{ "/<a>", NULL },
	{ "/[a]", NULL },
	/* dot segments that only some readers see */
	{ "/..%2f", NULL },
	{ "/..%2fa", NULL },
	{ "/a%2F..", NULL },
	{ "/a%2f.%2fb", NULL },
	{ "/a/%2e%2e%2fb", NULL },
	{ "/a%2f%2e/b", NULL },
	{ "/a/..;/b", NULL },
	{ "/.;a=b", NULL },
	{ "/a%2f..;b/c", NULL },
	/* no UTF-8 */
	{ "/%80", NULL },
	{ "/%bf", NULL },
	{ "/%c0%af", NULL },        /* overlong '/' */
	{ "/%c0%ae%c0%ae/", NULL }, /* overlong ".." */
	{ "/%c1%9c", NULL },        /* overlong '\' */
	{ "/%c3", NULL },
	{ "/%c3/", NULL },
	{ "/%c3a9", NULL },
	{ "/%c3%", NULL },
	{ "/%c3%a", NULL },
	{ "/%c3%28", NULL },
	{ "/%c3%c3", NULL },
	{ "/%e0%80%af", NULL },
	{ "/%e0%9f%bf", NULL },
	{ "/%e2%82", NULL },
	{ "/%e2%82x", NULL },
	{ "/%ed%a0%80", NULL }, /* a surrogate */
	{ "/%f0%80%80%af", NULL },
	{ "/%f0%8f%bf%bf", NULL },
	{ "/%f4%90%80%80", NULL }, /* beyond U+10FFFF */
	{ "/%f5%80%80%80", NULL },
	{ "/%ff", NULL },
	{ "/%fe%ff", NULL },
};

/* From memory of exactly its size into memory of exactly its size. */
static bool
normalize(struct slice path, char *text, size_t *len, bool *changed)
{
	size_t room = path.len > 0 ? path.len : 1;
	char *in = malloc(room), *out = malloc(room);
	bool good;

	memcpy(in, path.at, path.len);
	good = uri_normalize_path((struct slice){ in, path.len }, out, len, changed);
	if (good)
		memcpy(text, out, *len);
	free(in);
	free(out);
	return good;
}

START_TEST(a_path_has_one_normal_form)
{
	const struct path_case *c = &paths[_i];
	char text[256], again[256];
	bool changed = false;
	size_t len = 0, again_len;

	if (c->normal == NULL) {
		ck_assert_msg(!normalize(slice_of(c->path), text, &len, &changed),
		    "%s was not refused", c->path);
		return;
	}
	ck_assert_msg(
	    normalize(slice_of(c->path), text, &len, &changed), "%s was refused", c->path);
	ck_assert_msg(slice_eq((struct slice){ text, len }, slice_of(c->normal)),
	    "%s became %.*s, expected %s", c->path, (int)len, text, c->normal);
	ck_assert_msg(changed == (strcmp(c->path, c->normal) != 0), "%s: changed", c->path);
	ck_assert(normalize((struct slice){ text, len }, again, &again_len, &changed));
	ck_assert_msg(!changed && again_len == len, "%s: not idempotent", c->path);
}
END_TEST

START_TEST(a_nul_inside_a_path_is_refused)
{
	char text[8];
	bool changed;
	size_t len;

	ck_assert(!normalize(SLICE("/a\0b"), text, &len, &changed));
}
END_TEST

START_TEST(a_prefix_ends_on_a_segment_border)
{
	static const struct {
		const char *path, *prefix;
		bool matches;
	} c[] = {
		{ "/api", "/api", true },
		{ "/api/", "/api", true },
		{ "/api/x", "/api", true },
		{ "/apix", "/api", false },
		{ "/ap", "/api", false },
		{ "/API", "/api", false },
		{ "/", "/", true },
		{ "/x", "/", true },
		{ "//", "/", true },
		{ "/api/", "/api/", true },
		{ "/api/x", "/api/", true },
		{ "/api", "/api/", false },
		{ "/x/api", "/api", false },
		{ "/x", "", true },
		{ "", "/", false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
		ck_assert_msg(
		    uri_prefix_matches(slice_of(c[i].path), slice_of(c[i].prefix)) == c[i].matches,
		    "\"%s\" of \"%s\"", c[i].prefix, c[i].path);
}
END_TEST

#define LABEL "a123456789b123456789c123456789d123456789e123456789f"
#define FOUR_LABELS LABEL "." LABEL "." LABEL "." LABEL "."
#define REST "a123456789b123456789c123456789d123456789e123456"

static const struct {
	const char *text;
	const char *host; /* NULL: refused */
	unsigned port;
} authorities[] = {
	{ "a", "a", 0 },
	{ "A.Example.COM", "a.example.com", 0 },
	{ "a.example.com.", "a.example.com", 0 },
	{ "a:", "a", 0 },
	{ "a:80", "a", 80 },
	{ "a:00080", "a", 80 },
	{ "a.:80", "a", 80 },
	{ "a:65535", "a", 65535 },
	{ "192.0.2.1:8080", "192.0.2.1", 8080 },
	{ "my_app-1.x", "my_app-1.x", 0 },
	{ "[::1]", "[::1]", 0 },
	{ "[2001:DB8::1]:443", "[2001:db8::1]", 443 },
	{ "[::ffff:192.0.2.1]:", "[::ffff:192.0.2.1]", 0 },
	{ FOUR_LABELS REST, FOUR_LABELS REST, 0 }, /* 255 bytes */
	{ FOUR_LABELS REST "x", NULL, 0 },
	{ "", NULL, 0 },
	{ ":80", NULL, 0 },
	{ ".", NULL, 0 },
	{ "..", NULL, 0 },
	{ ".a", NULL, 0 },
	{ "a..b", NULL, 0 },
	{ "a..", NULL, 0 },
	{ "a:65536", NULL, 0 },
	{ "a:99999", NULL, 0 },
	{ "a:000080", NULL, 0 },
	{ "a:80 ", NULL, 0 },
	{ "a: 80", NULL, 0 },
	{ "a:+80", NULL, 0 },
	{ "a:-1", NULL, 0 },
	{ "a:8o", NULL, 0 },
	{ "a:80:80", NULL, 0 },
	{ "a b", NULL, 0 },
	{ " a", NULL, 0 },
	{ "a/", NULL, 0 },
	{ "a?b", NULL, 0 },
	{ "a,b", NULL, 0 },
	{ "a%41", NULL, 0 },
	{ "u@a", NULL, 0 },
	{ "a*", NULL, 0 },
	{ "*.a", NULL, 0 },
	{ "\xc3\xa9", NULL, 0 },
	{ "::1", NULL, 0 },
	{ "[", NULL, 0 },
	{ "[]", NULL, 0 },
	{ "[::1", NULL, 0 },
	{ "[::1]a", NULL, 0 },
	{ "[::1]80", NULL, 0 },
	{ "[::1%25lo]", NULL, 0 },
	{ "[::1%lo]", NULL, 0 },
	{ "[[::1]]", NULL, 0 },
	{ "[a]", NULL, 0 },
	{ "a:0", NULL, 0 },
	{ "a:00000", NULL, 0 },
	{ "a~b", NULL, 0 },
	{ "[1:2:3:4:5:6:7:8:9]", NULL, 0 },
	{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", NULL, 0 },
};

START_TEST(an_authority_is_a_host_and_perhaps_a_port)
{
	struct slice text = slice_of(authorities[_i].text);
	char *out = malloc(text.len > 0 ? text.len : 1);
	unsigned port = 99;
	size_t len;
	bool good = uri_split_authority(text, out, &len, &port);

	ck_assert_msg(good == (authorities[_i].host != NULL), "%s", text.at);
	ck_assert(uri_authority_is_valid(text) == good);
	if (good) {
		ck_assert_msg(slice_eq((struct slice){ out, len }, slice_of(authorities[_i].host)),
		    "%s: host %.*s", text.at, (int)len, out);
		ck_assert_uint_eq(port, authorities[_i].port);
	}
	free(out);
}
END_TEST

START_TEST(a_nul_inside_an_authority_is_refused)
{
	ck_assert(!uri_authority_is_valid(SLICE("a\0b")));
	ck_assert(!uri_authority_is_valid(SLICE("[::1\0]")));
	ck_assert(!uri_authority_is_valid(SLICE("[::1\0:2]")));
	ck_assert(!uri_authority_is_valid(SLICE("a:8\0")));
}
END_TEST

START_TEST(query_parameters_are_found_decoded)
{
	static const struct {
		const char *query, *name, *value; /* NULL: none */
	} c[] = { { "?a=1&b=2", "b", "2" }, { "?a=1&a=2", "a", "1" }, { "?a", "a", "" },
		{ "?ab=1", "a", NULL }, { "", "a", NULL }, { "?", "a", NULL }, { "?a=%41+b%2", "a", "A b%2" },
		{ "?%61=x", "a", "x" }, { "?a=12345678&b", "a", "12345678" },
		{ "?a=123456789&a=2", "a", "2" }, { "?=1", "", "1" }, { "?&&a=1", "a", "1" } };

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		char buf[8];
		struct slice rest = slice_of(c[i].query), v;
		bool found = query_next(&rest, slice_of(c[i].name), buf, sizeof buf, &v);

		ck_assert_msg(found == (c[i].value != NULL), "%s", c[i].query);
		ck_assert_msg(!found || slice_eq(v, slice_of(c[i].value)), "%s", c[i].query);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/uri");
	TCase *t = tcase_create("uri");

	tcase_add_loop_test(t, a_path_has_one_normal_form, 0, ARRAY_SIZE(paths));
	tcase_add_test(t, query_parameters_are_found_decoded);
	tcase_add_test(t, a_nul_inside_a_path_is_refused);
	tcase_add_test(t, a_prefix_ends_on_a_segment_border);
	tcase_add_loop_test(
	    t, an_authority_is_a_host_and_perhaps_a_port, 0, ARRAY_SIZE(authorities));
	tcase_add_test(t, a_nul_inside_an_authority_is_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
