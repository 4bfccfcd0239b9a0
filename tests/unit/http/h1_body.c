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

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

static const struct body_case cases[] = {
#define GOOD(title, bytes, payload, rest)                                                          \
	{ title, bytes rest, sizeof(bytes rest) - 1, H1_DONE, payload, sizeof(bytes) - 1 },
#define MORE(title, bytes, payload) { title, bytes, sizeof(bytes) - 1, H1_MORE, payload, 0 },
#define BAD(title, bytes) { title, bytes, sizeof(bytes) - 1, H1_BAD, NULL, 0 },
#include "body_cases.def"
#undef GOOD
#undef MORE
#undef BAD
};

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
