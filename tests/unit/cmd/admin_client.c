/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/admin_client.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"

static char path[100];
static int listener;
static pthread_t thread;
static char request[256];

/* What the server says, whatever it was asked. */
static const char *reply;
static size_t reply_len;

static void *
serve_once(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	size_t len = 0;
	ssize_t n;

	while (strstr(request, "\r\n\r\n") == NULL &&
	    (n = recv(fd, request + len, sizeof request - 1 - len, 0)) > 0)
		len += (size_t)n;
	for (size_t at = 0; at < reply_len; at += (size_t)n) {
		n = send(fd, reply + at, reply_len - at, MSG_NOSIGNAL);
		if (n <= 0)
			break;
	}
	close(fd);
	return NULL;
}

static void
set_up(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(path, sizeof path, "/tmp/detour-admin-client-%d.sock", (int)getpid());
	memcpy(at.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	memset(request, 0, sizeof request);
}

static void
tear_down(void)
{
	close(listener);
	unlink(path);
}

static char *
ask(const char *text, size_t text_len, size_t *len, struct error *error)
{
	char *body;

	reply = text;
	reply_len = text_len;
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_once, NULL), 0);
	body = admin_get(path, "/v1/status", len, error);
	pthread_join(thread, NULL);
	return body;
}

START_TEST(the_body_of_a_200_comes_back)
{
	static const char text[] = "HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n{\"a\":\r\n\r\n1}";
	struct error error;
	size_t len;
	char *body = ask(text, sizeof text - 1, &len, &error);

	ck_assert_str_eq(body, "{\"a\":\r\n\r\n1}");
	ck_assert_uint_eq(len, 11);
	ck_assert_str_eq(request, "GET /v1/status HTTP/1.0\r\n\r\n");
	mem_free(body);
}
END_TEST

START_TEST(a_body_of_megabytes_comes_whole)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
	size_t size = 5 * 1024 * 1024, len;
	char *text = malloc(size), *body;
	struct error error;

	memset(text, 'x', size);
	memcpy(text, head, sizeof head - 1);
	body = ask(text, size, &len, &error);
	ck_assert_ptr_nonnull(body);
	ck_assert_uint_eq(len, size - (sizeof head - 1));
	ck_assert_int_eq(body[len - 1], 'x');
	mem_free(body);
	free(text);
}
END_TEST

static const struct {
	struct slice reply;
	const char *said;
} refusals[] = {
	{ SLICE("HTTP/1.0 503 Service Unavailable\r\n\r\nx\n"), "answered 503: x" },
	{ SLICE("HTTP/1.0 404 Not Found\r\n\r\n"), "404" },
	{ SLICE(""), "does not speak HTTP" },
	{ SLICE("HTTP/1.0 200 OK\r\nContent-Ty"), "does not speak HTTP" },
	{ SLICE("220 mail ESMTP\r\n\r\n"), "does not speak HTTP" },
	{ SLICE("\0\0\0\0\r\n\r\n"), "does not speak HTTP" },
	{ SLICE("HTTP/1.\r\n\r\n"), "does not speak HTTP" },
	{ SLICE("HTTP/1.1 \r\n\r\n"), "does not speak HTTP" },
};

START_TEST(anything_else_is_an_error_that_says_what_came)
{
	struct error error = { "" };
	size_t len;

	ck_assert_ptr_null(ask(refusals[_i].reply.at, refusals[_i].reply.len, &len, &error));
	ck_assert_msg(strstr(error.text, refusals[_i].said) != NULL, "%s", error.text);
}
END_TEST

START_TEST(what_is_posted_is_answered_whatever_the_status_is)
{
	static const char text[] = "HTTP/1.0 409 Conflict\r\n\r\n{\"rule\": \"two\"}";
	struct error error;
	unsigned status = 0;
	char *body;
	size_t len;

	reply = text;
	reply_len = sizeof text - 1;
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_once, NULL), 0);
	body = admin_post(path, "/v1/wishes", "{\"a\": 1}", &status, &len, &error);
	pthread_join(thread, NULL);
	ck_assert_str_eq(body, "{\"rule\": \"two\"}");
	ck_assert_uint_eq(status, 409);
	ck_assert_ptr_nonnull(strstr(request, "POST /v1/wishes HTTP/1.0\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "Content-Length: 8\r\n"));
	mem_free(body);
}
END_TEST

START_TEST(a_socket_is_the_given_one_or_the_usual_one)
{
	char *given = admin_socket("/x/y.sock", NULL), *usual = admin_socket(NULL, NULL);

	ck_assert_str_eq(given, "/x/y.sock");
	ck_assert_str_eq(usual, ADMIN_DEFAULT_SOCKET);
	mem_free(given);
	mem_free(usual);
}
END_TEST

START_TEST(nobody_there_is_told_with_what_to_do)
{
	char long_path[300];
	struct error error;
	size_t len;

	ck_assert_ptr_null(admin_get("/nowhere/admin.sock", "/", &len, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/admin.sock"));
	ck_assert_ptr_nonnull(strstr(error.text, "--socket"));
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	ck_assert_ptr_null(admin_get(long_path, "/", &len, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "too long"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/admin_client");
	TCase *tests = tcase_create("admin_client");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, the_body_of_a_200_comes_back);
	tcase_add_test(tests, a_body_of_megabytes_comes_whole);
	tcase_add_loop_test(
	    tests, anything_else_is_an_error_that_says_what_came, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tests, what_is_posted_is_answered_whatever_the_status_is);
	tcase_add_test(tests, a_socket_is_the_given_one_or_the_usual_one);
	tcase_add_test(tests, nobody_there_is_told_with_what_to_do);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
