/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "conf/topology.h"
#include "view_world.h"

static char dir[48];
static char path[100]; /* fits a sun_path */
static char answer[256 * 1024];
static struct event_base *base;

static void
give_view(void *arg, struct view *v)
{
	*v = view;
}

static struct conf_admin
conf_of(const char *socket_path, bool tcp)
{
	struct conf_admin conf = { .socket = socket_path };
	struct sockaddr_in *in = (struct sockaddr_in *)&conf.bind.addr;

	if (!tcp)
		return conf;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	conf.bind.len = sizeof *in;
	conf.bind.text = "127.0.0.1:0";
	return conf;
}

static struct admin *
open_admin(const char *socket_path, bool tcp)
{
	struct conf_admin conf = conf_of(socket_path, tcp);
	struct error error;
	struct admin *a = admin_new(base, &conf, give_view, NULL, &error);

	ck_assert_msg(a != NULL, "%s", error.text);
	return a;
}

static void
set_up(void)
{
	view_world_make();
	snprintf(dir, sizeof dir, "/tmp/detour-admin-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/run/admin.sock", dir);
	base = event_base_new();
}

static void
tear_down(void)
{
	char command[160];

	event_base_free(base);
	snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
	view_world_free();
}

static int
connect_local(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static int
connect_tcp(const struct admin *a)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const char *colon = strrchr(admin_bound_text(a), ':');
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_ptr_nonnull(colon);
	to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* Sends and turns the loop until the server closes; answer holds what came. */
static void
ask(int fd, const char *request)
{
	uint64_t by_ms = clock_now_ms() + 5000;
	size_t len = 0;

	ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		ssize_t n = recv(fd, answer + len, sizeof answer - 1 - len, 0);

		if (n == 0)
			break;
		ck_assert_msg(n > 0 || errno == EAGAIN, "%s", strerror(errno));
		ck_assert_uint_lt(clock_now_ms(), by_ms);
		len += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	answer[len] = '\0';
	close(fd);
}

static void
expect(const char *start, const char *inside)
{
	ck_assert_msg(strncmp(answer, start, strlen(start)) == 0, "%.300s", answer);
	ck_assert_msg(strstr(answer, inside) != NULL, "no %s in: %.300s", inside, answer);
}

static const struct {
	const char *request;
	const char *start;
	const char *inside;
} cases[] = {
	{ "GET /v1/status HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ", "\"services\"" },
	{ "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ", "text/plain; version=0.0.4" },
	{ "GET /metrics?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ", "detour_build_info" },
	{ "GET /livez HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ", "alive" },
	{ "GET /readyz HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ", "ready" },
	{ "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 404 ", "/v1/status" },
	{ "GET /v1/status/ HTTP/1.0\r\n\r\n", "HTTP/1.0 404 ", "" },
	{ "POST /v1/status HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "HTTP/1.0 405 ", "Allow: GET" },
	{ "DELETE /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 405 ", "Allow: GET" },
};

START_TEST(each_page_is_served_over_both_sockets_and_nothing_else)
{
	struct admin *a = open_admin(path, true);

	ask(connect_local(), cases[_i].request);
	expect(cases[_i].start, cases[_i].inside);
	ask(connect_tcp(a), cases[_i].request);
	expect(cases[_i].start, cases[_i].inside);
	admin_free(a);
}
END_TEST

static const struct {
	bool ready;
	bool draining;
	const char *start;
	const char *inside;
} readiness[] = {
	{ true, false, "HTTP/1.0 200 ", "ready" },
	{ false, false, "HTTP/1.0 503 ", "starting" },
	{ true, true, "HTTP/1.0 503 ", "draining" },
	{ false, true, "HTTP/1.0 503 ", "draining" },
};

START_TEST(readyz_says_whether_to_send_traffic_and_livez_does_not_care)
{
	struct admin *a = open_admin(path, false);

	view.ready = readiness[_i].ready;
	view.process.draining = readiness[_i].draining;
	ask(connect_local(), "GET /readyz HTTP/1.0\r\n\r\n");
	expect(readiness[_i].start, readiness[_i].inside);
	ask(connect_local(), "GET /livez HTTP/1.0\r\n\r\n");
	expect("HTTP/1.0 200 ", "alive");
	admin_free(a);
}
END_TEST

START_TEST(without_a_table_every_page_still_answers)
{
	struct admin *a = open_admin(path, false);
	const struct table *table = view.table;

	view.table = NULL;
	view.ready = false;
	ask(connect_local(), "GET /v1/status HTTP/1.0\r\n\r\n");
	expect("HTTP/1.0 200 ", "\"ready\": false");
	ask(connect_local(), "GET /metrics HTTP/1.0\r\n\r\n");
	expect("HTTP/1.0 200 ", "detour_ready 0");
	view.table = table;
	admin_free(a);
}
END_TEST

START_TEST(the_socket_is_for_owner_and_group_and_its_directory_is_made)
{
	struct admin *a = open_admin(path, false);
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	admin_free(a);
	ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

START_TEST(a_successors_socket_is_not_removed)
{
	struct admin *a = open_admin(path, false);
	struct admin *successor;
	struct stat st;

	ck_assert_int_eq(unlink(path), 0);
	successor = open_admin(path, false);
	admin_free(a);
	ck_assert_int_eq(stat(path, &st), 0);
	admin_free(successor);
	ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

START_TEST(what_cannot_be_bound_is_named)
{
	char long_path[256] = "";
	struct conf_admin conf = conf_of(long_path, false);
	struct error error;

	memset(long_path, 'x', sizeof long_path - 1);
	long_path[0] = '/';
	long_path[sizeof long_path - 1] = '\0';
	ck_assert_ptr_null(admin_new(base, &conf, give_view, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/xxx"));
	conf.socket = "/proc/nowhere/admin.sock";
	ck_assert_ptr_null(admin_new(base, &conf, give_view, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "/proc/nowhere"));
}
END_TEST

START_TEST(what_listens_already_is_not_pushed_aside)
{
	struct admin *a = open_admin(path, true);
	struct conf_admin conf = conf_of(path, false);
	struct sockaddr_in *in = (struct sockaddr_in *)&conf.bind.addr;
	struct error error;

	ck_assert_ptr_null(admin_new(base, &conf, give_view, NULL, &error));
	conf = conf_of("", true);
	in->sin_port = htons((uint16_t)strtoul(strrchr(admin_bound_text(a), ':') + 1, NULL, 10));
	ck_assert_ptr_null(admin_new(base, &conf, give_view, NULL, &error));
	admin_free(a);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/admin");
	TCase *tests = tcase_create("admin");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, each_page_is_served_over_both_sockets_and_nothing_else, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(tests, readyz_says_whether_to_send_traffic_and_livez_does_not_care, 0,
	    ARRAY_SIZE(readiness));
	tcase_add_test(tests, without_a_table_every_page_still_answers);
	tcase_add_test(tests, the_socket_is_for_owner_and_group_and_its_directory_is_made);
	tcase_add_test(tests, a_successors_socket_is_not_removed);
	tcase_add_test(tests, what_cannot_be_bound_is_named);
	tcase_add_test(tests, what_listens_already_is_not_pushed_aside);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
