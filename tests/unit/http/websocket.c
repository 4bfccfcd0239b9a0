#include "http/websocket.h"

#include "http/h1.h"
#include "pieces.h"

static struct head head;

static void
come(const char *text)
{
	struct h1_parse parse = { 0 };

	ck_assert_int_eq(
	    h1_parse_request(&parse, &head, text, strlen(text), &h1_default_limits), H1_DONE);
}

static void
answer(const char *text)
{
	struct h1_parse parse = { 0 };

	ck_assert_int_eq(h1_parse_response(&parse, &head, text, strlen(text), &h1_default_limits,
			     METHOD_GET, true),
	    H1_DONE);
}

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define GET "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
#define SWITCHES "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"

/* RFC 6455 section 1.3 */
START_TEST(a_key_and_its_answer_are_as_in_the_rfc)
{
	char key[WEBSOCKET_KEY], accept[WEBSOCKET_ACCEPT];

	websocket_make_key((const unsigned char *)"the sample nonce", key);
	ck_assert_mem_eq(key, KEY, sizeof key);
	websocket_accept((struct slice){ key, sizeof key }, accept);
	ck_assert_mem_eq(accept, ACCEPT, sizeof accept);
}
END_TEST

START_TEST(who_asks_for_a_websocket_alone_and_with_a_key_asks_for_one)
{
	static const struct {
		const char *text;
		bool asked;
	} cases[] = {
		{ GET "Upgrade: websocket\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", true },
		{ GET "Upgrade: WebSocket\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", true },
		{ GET "Upgrade: websocket\r\n\r\n", false },
		{ GET "Upgrade: websocket\r\nSec-WebSocket-Key: dGhl\r\n\r\n", false },
		{ GET "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=a\r\n\r\n",
		    false },
		{ GET "Upgrade: websocket\r\nSec-WebSocket-Key: dGhl HNhbXBsZSBub25jZQ==\r\n\r\n",
		    false },
		{ GET "Upgrade: websocket\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Key: " KEY
		      "\r\n\r\n",
		    false },
		{ GET "Upgrade: echo\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", false },
		{ GET "Upgrade: websocket, echo\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", false },
		{ GET "Upgrade: websocket\r\nUpgrade: echo\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
		    false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " KEY
		  "\r\n\r\n",
		    false },
	};

	come(cases[_i].text);
	ck_assert_int_eq(websocket_is_asked(&head), cases[_i].asked);
}
END_TEST

START_TEST(only_the_answer_to_its_key_grants_it)
{
	static const struct {
		const char *text;
		bool granted;
	} cases[] = {
		{ SWITCHES "Upgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", true },
		{ SWITCHES "Upgrade: websocket\r\n\r\n", false },
		{ SWITCHES "Upgrade: echo\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", false },
		{ SWITCHES "Upgrade: websocket\r\nSec-WebSocket-Accept: " KEY "\r\n\r\n", false },
		{ SWITCHES "Upgrade: websocket\r\nSec-WebSocket-Accept: "
			   "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
		    false },
		{ SWITCHES "Upgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT
			   "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
		    false },
	};

	answer(cases[_i].text);
	ck_assert_int_eq(websocket_is_granted(&head, ACCEPT), cases[_i].granted);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/websocket");
	TCase *t = tcase_create("websocket");

	tcase_add_test(t, a_key_and_its_answer_are_as_in_the_rfc);
	tcase_add_loop_test(t, who_asks_for_a_websocket_alone_and_with_a_key_asks_for_one, 0, 11);
	tcase_add_loop_test(t, only_the_answer_to_its_key_grants_it, 0, 6);
	suite_add_tcase(s, t);
	return run_suite(s);
}
