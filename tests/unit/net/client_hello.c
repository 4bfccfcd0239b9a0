/* SPDX-License-Identifier: Apache-2.0 */
#include "net/client_hello.h"

#include <check.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A ClientHello under construction. */
struct draft {
	uint8_t bytes[40000];
	size_t len;
};

static void
put(struct draft *d, const void *bytes, size_t len)
{
	ck_assert_uint_le(d->len + len, sizeof d->bytes);
	memcpy(d->bytes + d->len, bytes, len);
	d->len += len;
}

static void
put_number(struct draft *d, unsigned value, unsigned bytes)
{
	while (bytes-- > 0)
		put(d, (uint8_t[]){ (uint8_t)(value >> bytes * 8) }, 1);
}

/* What one may ask for; all zero is a good hello without a name. */
struct spec {
	const char *name; /* NULL: no extension */
	size_t name_len; /* 0: strlen(name) */
	unsigned name_type;
	unsigned names; /* in the list; 0: one */
	unsigned lists; /* server_name extensions; 0: one */
	bool no_extensions;
	unsigned session_len;
	unsigned cipher_bytes; /* 0: 2 */
	unsigned version; /* 0: 0x0303 */
	unsigned padding; /* bytes of another extension */
	const char *behind; /* bytes behind the extensions */
	unsigned list_excess; /* the list's length says so much too much */
};

static void
put_server_name(struct draft *d, const struct spec *s)
{
	size_t len = s->name_len > 0 ? s->name_len : strlen(s->name);
	unsigned names = s->names > 0 ? s->names : 1;
	size_t list = names * (3 + len);

	put_number(d, 0, 2);
	put_number(d, (unsigned)list + 2, 2);
	put_number(d, (unsigned)list + s->list_excess, 2);
	for (unsigned i = 0; i < names; i++) {
		put_number(d, s->name_type, 1);
		put_number(d, (unsigned)len, 2);
		put(d, s->name, len);
	}
}

static struct draft
message(const struct spec *s)
{
	static const uint8_t zeros[20000];
	struct draft extensions = { .len = 0 }, body = { .len = 0 }, all = { .len = 0 };
	unsigned ciphers = s->cipher_bytes > 0 ? s->cipher_bytes : 2;

	if (s->padding > 0) {
		put_number(&extensions, 21, 2);
		put_number(&extensions, s->padding, 2);
		put(&extensions, zeros, s->padding);
	}
	for (unsigned i = 0; s->name != NULL && i < (s->lists > 0 ? s->lists : 1); i++)
		put_server_name(&extensions, s);
	put_number(&body, s->version > 0 ? s->version : 0x0303, 2);
	put(&body, zeros, 32);
	put_number(&body, s->session_len, 1);
	put(&body, zeros, s->session_len);
	put_number(&body, ciphers, 2);
	put(&body, zeros, ciphers);
	put_number(&body, 1, 1);
	put_number(&body, 0, 1);
	if (!s->no_extensions) {
		put_number(&body, (unsigned)extensions.len, 2);
		put(&body, extensions.bytes, extensions.len);
	}
	if (s->behind != NULL)
		put(&body, s->behind, strlen(s->behind));
	put_number(&all, 1, 1);
	put_number(&all, (unsigned)body.len, 3);
	put(&all, body.bytes, body.len);
	return all;
}

/* In records of so many bytes each. */
static struct draft
wrap(const struct draft *m, size_t record)
{
	struct draft d = { .len = 0 };

	for (size_t at = 0; at < m->len; at += record) {
		size_t len = m->len - at < record ? m->len - at : record;

		put_number(&d, 22, 1);
		put_number(&d, 0x0301, 2);
		put_number(&d, (unsigned)len, 2);
		put(&d, m->bytes + at, len);
	}
	return d;
}

static struct draft
hello(const struct spec *s)
{
	struct draft m = message(s);

	return wrap(&m, 16384);
}

static void
expect_name(const struct draft *d, const char *name)
{
	struct client_hello h;

	ck_assert_int_eq(client_hello_parse(&h, d->bytes, d->len), CLIENT_HELLO_DONE);
	ck_assert_str_eq(h.name, name);
	ck_assert_uint_eq(h.name_len, strlen(name));
}

static void
expect_bad(const struct draft *d, const char *why)
{
	struct client_hello h;

	ck_assert_int_eq(client_hello_parse(&h, d->bytes, d->len), CLIENT_HELLO_BAD);
	ck_assert_str_eq(h.why, why);
	ck_assert_str_eq(h.name, "");
}

START_TEST(the_name_is_read_and_lower_case)
{
	struct draft d = hello(&(struct spec){ .name = "DB-1.Example.COM", .session_len = 32 });

	expect_name(&d, "db-1.example.com");
}
END_TEST

START_TEST(a_hello_without_a_name_is_good)
{
	struct draft none = hello(&(struct spec){ .padding = 300 });
	struct draft bare = hello(&(struct spec){ .no_extensions = true });

	expect_name(&none, "");
	expect_name(&bare, "");
}
END_TEST

/* Until the last byte it is MORE, and cuts change no verdict. */
START_TEST(every_beginning_asks_for_more)
{
	static const size_t records[] = { 16384, 100, 30 };

	for (unsigned r = 0; r < 3; r++) {
		struct draft m = message(&(struct spec){ .name = "a.example", .padding = 200 });
		struct draft d = wrap(&m, records[r]);
		struct client_hello h;

		for (size_t len = 0; len < d.len; len++)
			ck_assert_int_eq(client_hello_parse(&h, d.bytes, len), CLIENT_HELLO_MORE);
		expect_name(&d, "a.example");
		put(&d, "early data", 10);
		expect_name(&d, "a.example");
	}
}
END_TEST

START_TEST(what_is_no_client_hello_is_refused_at_its_first_bytes)
{
	struct draft http = { .len = 0 }, old = { .len = 0 }, alert = { .len = 0 };
	struct draft server = message(&(struct spec){ .name = "a" });

	put(&http, "G", 1);
	expect_bad(&http, "no TLS handshake");
	put(&old, (uint8_t[]){ 0x80, 0x2e, 1, 3, 1 }, 5);
	expect_bad(&old, "no TLS handshake");
	put(&alert, (uint8_t[]){ 22, 2 }, 2);
	expect_bad(&alert, "no TLS handshake");
	server.bytes[0] = 2;
	server = wrap(&server, 16384);
	expect_bad(&server, "no ClientHello");
}
END_TEST

START_TEST(records_are_neither_empty_nor_too_long_nor_crumbs)
{
	struct draft m = message(&(struct spec){ .name = "a.example" });
	struct draft crumbs = wrap(&m, 3), empty = { .len = 0 }, large = { .len = 0 };

	expect_bad(&crumbs, "a ClientHello in crumbs");
	put(&empty, (uint8_t[]){ 22, 3, 1, 0, 0 }, 5);
	expect_bad(&empty, "malformed record");
	put(&large, (uint8_t[]){ 22, 3, 1, 0x40, 1 }, 5);
	expect_bad(&large, "malformed record");
}
END_TEST

START_TEST(nothing_may_share_the_last_record)
{
	struct draft m = message(&(struct spec){ .name = "a.example" });
	struct draft d;
	struct client_hello h;

	put(&m, "x", 1);
	d = wrap(&m, 16384);
	expect_bad(&d, "more than a ClientHello");
	/* And that is known as soon as both lengths are. */
	ck_assert_int_eq(client_hello_parse(&h, d.bytes, 9), CLIENT_HELLO_BAD);
}
END_TEST

START_TEST(the_length_is_bounded)
{
	struct draft m = message(&(struct spec){ .name = "a.example", .padding = 16000 });
	struct draft good = wrap(&m, 16384);
	struct draft large = message(&(struct spec){ .name = "a.example", .padding = 16500 });

	expect_name(&good, "a.example");
	large = wrap(&large, 16384);
	expect_bad(&large, "the ClientHello is too long");
}
END_TEST

static const struct {
	struct spec spec;
	const char *why;
} malformed[] = {
	{ { .name = "", .name_len = 0 }, "the server name is no host name" },
	{ { .name = "a..b" }, "the server name is no host name" },
	{ { .name = ".a" }, "the server name is no host name" },
	{ { .name = "a." }, "the server name is no host name" },
	{ { .name = "a b" }, "the server name is no host name" },
	{ { .name = "a\0.example", .name_len = 10 }, "the server name is no host name" },
	{ { .name = "a_b.example" }, "the server name is no host name" },
	{ { .name = "[::1]" }, "the server name is no host name" },
	{ { .name = "\xc3\xa4.example" }, "the server name is no host name" },
	{ { .name = "a.example", .name_type = 1 }, "malformed list of server names" },
	{ { .name = "a.example", .names = 2 }, "malformed list of server names" },
	{ { .name = "a.example", .list_excess = 1 }, "malformed list of server names" },
	{ { .name = "a.example", .lists = 2 }, "more than one list of server names" },
	{ { .name = "a.example", .behind = "x" }, "malformed extensions" },
	{ { .no_extensions = true, .behind = "x" }, "malformed extensions" },
	{ { .session_len = 33 }, "malformed ClientHello" },
	{ { .cipher_bytes = 3 }, "malformed ClientHello" },
	{ { .version = 0x0203 }, "malformed ClientHello" },
};

START_TEST(malformed_hellos_are_refused)
{
	struct draft d = hello(&malformed[_i].spec);

	expect_bad(&d, malformed[_i].why);
}
END_TEST

START_TEST(names_are_at_most_255_bytes_of_labels_of_63)
{
	char name[257];
	struct spec s = { .name = name };
	struct draft d;

	for (unsigned i = 0; i < 256; i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[255] = '\0';
	d = hello(&s);
	expect_name(&d, name);
	name[255] = 'a';
	name[256] = '\0';
	d = hello(&s);
	expect_bad(&d, "the server name is no host name");
	memset(name, 'a', 64);
	name[64] = '\0';
	d = hello(&s);
	expect_bad(&d, "the server name is no host name");
}
END_TEST

/* A length that lies anywhere never makes us read past the end; ASan would tell. */
START_TEST(every_flipped_byte_has_a_verdict)
{
	struct draft good = hello(&(struct spec){ .name = "a.example", .session_len = 32 });

	for (size_t i = 0; i < good.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t *exact = malloc(good.len);
			struct client_hello h;

			memcpy(exact, good.bytes, good.len);
			exact[i] ^= (uint8_t)(1u << bit);
			(void)client_hello_parse(&h, exact, good.len);
			ck_assert_uint_eq(strlen(h.name), h.name_len);
			free(exact);
		}
	}
}
END_TEST

START_TEST(what_openssl_says_is_understood)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	struct client_hello h;
	char *bytes;
	long len;

	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	ck_assert_int_eq(SSL_set_tlsext_host_name(ssl, "Shop.Example.com"), 1);
	ck_assert_int_eq(SSL_do_handshake(ssl), -1);
	len = BIO_get_mem_data(out, &bytes);
	ck_assert_int_eq(client_hello_parse(&h, bytes, (size_t)len), CLIENT_HELLO_DONE);
	ck_assert_str_eq(h.name, "shop.example.com");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("client_hello");
	TCase *tc = tcase_create("client_hello");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, the_name_is_read_and_lower_case);
	tcase_add_test(tc, a_hello_without_a_name_is_good);
	tcase_add_test(tc, every_beginning_asks_for_more);
	tcase_add_test(tc, what_is_no_client_hello_is_refused_at_its_first_bytes);
	tcase_add_test(tc, records_are_neither_empty_nor_too_long_nor_crumbs);
	tcase_add_test(tc, nothing_may_share_the_last_record);
	tcase_add_test(tc, the_length_is_bounded);
	tcase_add_loop_test(
	    tc, malformed_hellos_are_refused, 0, sizeof malformed / sizeof malformed[0]);
	tcase_add_test(tc, names_are_at_most_255_bytes_of_labels_of_63);
	tcase_add_test(tc, every_flipped_byte_has_a_verdict);
	tcase_add_test(tc, what_openssl_says_is_understood);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
