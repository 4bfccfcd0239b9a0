#include "http/h1.h"
#include "pieces.h"

struct body_case {
	const char *title;
	const char *bytes;
	size_t len;
	enum h1_result result;
	const char *payload;
	size_t used; /* with H1_DONE */
};

#define GOOD(title, bytes, payload, rest)                                                          \
	{ title, bytes rest, sizeof(bytes rest) - 1, H1_DONE, payload, sizeof(bytes) - 1 },
#define MORE(title, bytes, payload) { title, bytes, sizeof(bytes) - 1, H1_MORE, payload, 0 },
#define BAD(title, bytes) { title, bytes, sizeof(bytes) - 1, H1_BAD, NULL, 0 },

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

static const struct body_case cases[] = { GOOD("empty", "0\r\n", "", "\r\n") GOOD("one chunk",
    "5\r\nhello\r\n0\r\n", "hello", "\r\n") GOOD("two chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n",
    "hello world", "\r\nGET /") GOOD("chunks of a byte", "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n",
    "abc", "") GOOD("framing inside payload", "7\r\n0\r\n\r\n5\r\r\n0\r\n", "0\r\n\r\n5\r",
    "\r\n") GOOD("lower-case hex", "a\r\n0123456789\r\n0\r\n", "0123456789",
    "") GOOD("upper-case hex", "A\r\n0123456789\r\n0\r\n", "0123456789", "") GOOD("two digits",
    "10\r\n0123456789abcdef\r\n0\r\n", "0123456789abcdef",
    "") GOOD("zeros before", "00005\r\nhello\r\n0\r\n", "hello", "") GOOD("sixteen digits",
    "0000000000000005\r\nhello\r\n0\r\n", "hello",
    "") GOOD("last chunk of many zeros", "0000000000000000\r\n", "",
    "\r\n") GOOD("trailers are not ours", "0\r\n", "", "A: b\r\n\r\n") GOOD("extension",
    "5;a\r\nhello\r\n0\r\n", "hello", "") GOOD("extension with a value", "5;a=b\r\nhello\r\n0\r\n",
    "hello", "") GOOD("extensions", "5;a=b;c;d=e\r\nhello\r\n0\r\n", "hello",
    "") GOOD("extension with blanks inside", "5; a = b ; c\r\nhello\r\n0\r\n", "hello",
    "") GOOD("extension with tabs", "5;\ta\t=\tb\r\nhello\r\n0\r\n", "hello",
    "") GOOD("extension in quotes", "5;a=\"b;c \t=\"\r\nhello\r\n0\r\n", "hello",
    "") GOOD("extension with quoted pairs", "5;a=\"\\\"\\\\\"\r\nhello\r\n0\r\n", "hello",
    "") GOOD("extension of an empty string", "5;a=\"\"\r\nhello\r\n0\r\n", "hello",
    "") GOOD("extension of the last chunk", "0;a=b\r\n", "", "\r\n") GOOD("extension of 256 bytes",
    "5;" X64 X64 X64 X16 X16 X16 "xxxxxxxxxxxxxxx\r\nhello\r\n0\r\n", "hello",
    "") MORE("nothing", "", "") MORE("size only", "5", "") MORE("size and CR", "5\r",
    "") MORE("half a chunk", "5\r\nhel", "hel") MORE("chunk without its end", "5\r\nhello",
    "hello") MORE("chunk and CR", "5\r\nhello\r", "hello") MORE("chunk and no next",
    "5\r\nhello\r\n", "hello") MORE("half an extension", "5;a=\"b", "") MORE("last chunk and CR",
    "0\r", "") MORE("the largest size", "7fffffffffffffff\r\na", "a") BAD("size of 2^63",
    "8000000000000000\r\n") BAD("size of 2^64-1", "ffffffffffffffff\r\n") BAD("seventeen digits",
    "00000000000000005\r\nhello\r\n") BAD("size of 2^64+5",
    "10000000000000005\r\nhello\r\n") BAD("no size", "\r\n") BAD("no size but an extension",
    ";a\r\n") BAD("space before the size", " 5\r\nhello\r\n") BAD("tab before the size",
    "\t5\r\nhello\r\n") BAD("space behind the size", "5 \r\nhello\r\n") BAD("tab behind the size",
    "5\t\r\nhello\r\n") BAD("space before an extension", "5 ;a\r\nhello\r\n") BAD("0x",
    "0x5\r\nhello\r\n") BAD("0X", "0X5\r\nhello\r\n") BAD("plus", "+5\r\nhello\r\n") BAD("minus",
    "-5\r\nhello\r\n") BAD("minus zero", "-0\r\n\r\n") BAD("underscore",
    "1_0\r\n0123456789abcdef\r\n") BAD("comma", "5,\r\nhello\r\n") BAD("point",
    "5.\r\nhello\r\n") BAD("h", "5h\r\nhello\r\n")
	    BAD("not hex", "g\r\nhello\r\n") BAD("NUL behind the size", "5\0\r\nhello\r\n") BAD(
		"high byte behind the size", "5\xa0\r\nhello\r\n") BAD("bare LF behind the size",
		"5\nhello\r\n") BAD("bare CR behind the size", "5\rhello\r\n")
		BAD("CR CR LF behind the size", "5\r\r\nhello\r\n") BAD(
		    "bare LF behind the last chunk", "0\n\r\n") BAD("bare CR behind the last chunk",
		    "0\r\r\n") BAD("chunk too short", "6\r\nhello\r\n0\r\n") BAD("chunk too long",
		    "4\r\nhello\r\n0\r\n") BAD("chunk ends with a bare LF",
		    "5\r\nhello\n0\r\n") BAD("chunk ends with a bare CR", "5\r\nhello\r0\r\n")
		    BAD("chunk ends with two spaces", "5\r\nhello  0\r\n") BAD(
			"chunk ends with nothing", "5\r\nhello0\r\n") BAD("chunk ends with LF CR",
			"5\r\nhello\n\r0\r\n") BAD("empty line between chunks",
			"5\r\nhello\r\n\r\n0\r\n") BAD("bare LF in an extension",
			"5;a\nb\r\nhello\r\n0\r\n") BAD("bare CR in an extension",
			"5;a\rb\r\nhello\r\n0\r\n") BAD("CR in a quoted extension",
			"5;a=\"\r\"\r\nhello\r\n") BAD("CRLF in a quoted extension",
			"5;a=\"\r\n\"\r\nhello\r\n") BAD("LF in a quoted extension",
			"5;a=\"\n\"\r\nhello\r\n") BAD("quoted CR in an extension",
			"5;a=\"\\\r\n\"\r\nhello\r\n") BAD("NUL in an extension",
			"5;a\0\r\nhello\r\n") BAD("NUL in a quoted extension",
			"5;a=\"\0\"\r\nhello\r\n") BAD("high byte in an extension",
			"5;a\xe9\r\nhello\r\n") BAD("high byte in a quoted extension",
			"5;a=\"\xe9\"\r\nhello\r\n") BAD("extension without a name",
			"5;\r\nhello\r\n") BAD("extension of a blank", "5; \r\nhello\r\n")
			BAD("extension of semicolons", "5;;\r\nhello\r\n")
			    BAD("extension without a value", "5;a=\r\nhello\r\n")
				BAD("extension with only a value", "5;=b\r\nhello\r\n")
				    BAD("extension and a blank", "5;a \r\nhello\r\n")
					BAD("two words in an extension", "5;a b\r\nhello\r\n")
					    BAD("text behind quotes", "5;a=\"b\"c\r\nhello\r\n")
						BAD("two equals signs", "5;a==b\r\nhello\r\n") BAD(
						    "extension of 257 bytes",
						    "5;" X64 X64 X64 X16 X16 X16 X16
						    "\r\nhello\r\n0\r\n")
						    BAD("extensions of 257 bytes together",
							"5;a=\"" X64 X64 "\";b=\"" X64 X16 X16 X16
							"xxxxxxx\"\r\nhello\r\n") };

/* Decodes bytes in pieces of at most step bytes; joins the payload. */
static enum h1_result
decode(const struct body_case *c, size_t first, size_t step, char *payload, size_t *payload_len,
    size_t *used)
{
	struct h1_body b;
	enum h1_result r = H1_MORE;

	h1_body_begin(&b, &(struct head){ .framing = FRAMING_CHUNKED });
	*payload_len = *used = 0;
	for (size_t at = 0, n = first; at < c->len && r == H1_MORE; n = step) {
		size_t len = n < c->len - at ? n : c->len - at, took;
		char *piece = malloc(len > 0 ? len : 1);
		struct slice p;

		memcpy(piece, c->bytes + at, len);
		r = h1_body_decode(&b, piece, len, &p, &took);
		ck_assert_msg(took == len || r != H1_MORE, "%s: left bytes behind", c->title);
		ck_assert(p.at >= piece && p.at + p.len <= piece + len);
		memcpy(payload + *payload_len, p.at, p.len);
		*payload_len += p.len;
		at += took;
		*used = at;
		free(piece);
	}
	ck_assert_msg((r == H1_BAD) == (b.why != NULL), "%s: no reason", c->title);
	ck_assert_msg(h1_body_may_end_at_close(&b) == (r == H1_DONE), "%s: end", c->title);
	return r;
}

START_TEST(a_chunked_body_is_its_payload_however_it_arrives)
{
	const struct body_case *c = &cases[_i];
	size_t steps[] = { 1, c->len + 1 };
	char payload[1024];
	size_t len, used;

	for (size_t cut = 0; cut <= c->len; cut++)
		for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
			enum h1_result r = decode(c, cut, steps[i], payload, &len, &used);

			ck_assert_msg(r == c->result, "%s cut at %zu: result %d, expected %d",
			    c->title, cut, (int)r, (int)c->result);
			if (r == H1_BAD)
				continue;
			ck_assert_msg(
			    len == strlen(c->payload) && memcmp(payload, c->payload, len) == 0,
			    "%s cut at %zu: payload {%.*s}", c->title, cut, (int)len, payload);
			ck_assert_msg(used == (r == H1_DONE ? c->used : c->len),
			    "%s cut at %zu: used %zu", c->title, cut, used);
		}
}
END_TEST

START_TEST(a_decoder_that_has_ended_takes_no_more)
{
	struct h1_body b;
	char end[] = "0\r\n", more[] = "5\r\nhello\r\n", bad[] = "x";
	struct slice p;
	size_t used;

	h1_body_begin(&b, &(struct head){ .framing = FRAMING_CHUNKED });
	ck_assert_int_eq(h1_body_decode(&b, end, 3, &p, &used), H1_DONE);
	ck_assert_int_eq(h1_body_decode(&b, more, 10, &p, &used), H1_DONE);
	ck_assert_uint_eq(used, 0);
	ck_assert_uint_eq(p.len, 0);
	h1_body_begin(&b, &(struct head){ .framing = FRAMING_CHUNKED });
	ck_assert_int_eq(h1_body_decode(&b, bad, 1, &p, &used), H1_BAD);
	ck_assert_int_eq(h1_body_decode(&b, more, 10, &p, &used), H1_BAD);
	ck_assert_uint_eq(p.len, 0);
}
END_TEST

START_TEST(a_body_of_known_length_takes_what_is_its_own)
{
	struct head h = { .framing = FRAMING_LENGTH, .content_length = 5 };
	char data[] = "helloGET /";
	struct h1_body b;
	struct slice p;
	size_t used;

	h1_body_begin(&b, &h);
	ck_assert_int_eq(h1_body_decode(&b, data, 0, &p, &used), H1_MORE);
	ck_assert_int_eq(h1_body_decode(&b, data, 2, &p, &used), H1_MORE);
	ck_assert(!h1_body_may_end_at_close(&b));
	ck_assert_int_eq(h1_body_decode(&b, data + 2, 8, &p, &used), H1_DONE);
	ck_assert_uint_eq(used, 3);
	ck_assert(p.at == data + 2 && p.len == 3);
	ck_assert(h1_body_may_end_at_close(&b));
	ck_assert_int_eq(h1_body_decode(&b, data + 5, 5, &p, &used), H1_DONE);
	ck_assert_uint_eq(used, 0);
}
END_TEST

START_TEST(a_body_until_close_takes_all_and_never_ends)
{
	struct head h = { .framing = FRAMING_CLOSE, .content_length = 5 };
	char data[] = "hello";
	struct h1_body b;
	struct slice p;
	size_t used;

	h1_body_begin(&b, &h);
	for (size_t len = 0; len <= 5; len++) {
		ck_assert_int_eq(h1_body_decode(&b, data, len, &p, &used), H1_MORE);
		ck_assert(p.at == data && p.len == len && used == len);
		ck_assert(h1_body_may_end_at_close(&b));
	}
}
END_TEST

START_TEST(no_body_takes_nothing)
{
	/* an answer to HEAD announces a length and has no body */
	struct head h = { .framing = FRAMING_NONE, .content_length = 5 };
	char data[] = "GET /";
	struct h1_body b;
	struct slice p;
	size_t used;

	h1_body_begin(&b, &h);
	ck_assert_int_eq(h1_body_decode(&b, data, 5, &p, &used), H1_DONE);
	ck_assert_uint_eq(used + p.len, 0);
	ck_assert(h1_body_may_end_at_close(&b));
}
END_TEST

START_TEST(a_chunk_head_decodes_to_its_length)
{
	static const uint64_t lengths[] = { 1, 9, 10, 15, 16, 255, 256, 65535, 65536, 0xffffffff,
		0x100000000, 0x7fffffffffffffff };

	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		char room[H1_CHUNK_HEAD_MAX], *end = room + sizeof room;
		char *at = h1_chunk_head_before(end, lengths[i]);
		struct h1_body b;
		struct slice p;
		size_t used;

		ck_assert(at >= room && at < end);
		h1_body_begin(&b, &(struct head){ .framing = FRAMING_CHUNKED });
		ck_assert_int_eq(h1_body_decode(&b, at, (size_t)(end - at), &p, &used), H1_MORE);
		ck_assert_uint_eq(b.left, lengths[i]);
		ck_assert(*at != '0');
	}
}
END_TEST

START_TEST(the_longest_chunk_head_fits_the_room_promised)
{
	char room[H1_CHUNK_HEAD_MAX];

	ck_assert(h1_chunk_head_before(room + sizeof room, UINT64_MAX) == room);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/h1 bodies");
	TCase *t = tcase_create("bodies");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
	    t, a_chunked_body_is_its_payload_however_it_arrives, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, a_decoder_that_has_ended_takes_no_more);
	tcase_add_test(t, a_body_of_known_length_takes_what_is_its_own);
	tcase_add_test(t, a_body_until_close_takes_all_and_never_ends);
	tcase_add_test(t, no_body_takes_nothing);
	tcase_add_test(t, a_chunk_head_decodes_to_its_length);
	tcase_add_test(t, the_longest_chunk_head_fits_the_room_promised);
	suite_add_tcase(s, t);
	return run_suite(s);
}
