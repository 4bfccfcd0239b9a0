/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin_people.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "conf/topology.h"
#include "control/admin.h"
#include "control/view.h"
#include "people_world.h"

static char path[100];
static char answer[64 * 1024];
static struct admin *admin;
static struct admin_people people;

static void
give_view(void *arg, struct view *v)
{
	static const struct controller_stats none;

	v->control = &none;
}

static void
set_up(void)
{
	struct conf_admin conf = { .socket = path };
	struct sockaddr_in *in = (struct sockaddr_in *)&conf.bind.addr;
	struct error error;

	signal(SIGPIPE, SIG_IGN); /* as main() does */
	people_make("{ name = \"two\"; at_least = 2; }");
	snprintf(path, sizeof path, "%s/admin.sock", people_dir);
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	conf.bind.len = sizeof *in;
	conf.bind.text = "127.0.0.1:0";
	admin = admin_new(people_base, &conf, give_view, NULL, &error);
	ck_assert_msg(admin != NULL, "%s", error.text);
	people = (struct admin_people){ people_journal, people_desk, people_store };
	admin_serve_people(admin, &people);
}

static void
tear_down(void)
{
	desk_close(people_desk);
	admin_free(admin);
	people_free();
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
connect_tcp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_port = htons((uint16_t)strtoul(strrchr(admin_bound_text(admin), ':') + 1, NULL, 10));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void
send_request(int fd, const char *method, const char *target, const char *body)
{
	char request[2048];

	snprintf(request, sizeof request, "%s %s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n%s", method,
	    target, strlen(body), body);
	ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* Main and control go on until the server closes. */
static void
receive(int fd)
{
	uint64_t by_ms = clock_now_ms() + 5000;
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, answer + len, sizeof answer - 1 - len, 0);

		if (n == 0)
			break;
		ck_assert_msg(n > 0 || errno == EAGAIN, "%s", strerror(errno));
		ck_assert_uint_lt(clock_now_ms(), by_ms);
		len += n > 0 ? (size_t)n : 0;
		people_turn(0);
	}
	answer[len] = '\0';
	close(fd);
}

static void
ask(int fd, const char *method, const char *target, const char *body)
{
	send_request(fd, method, target, body);
	receive(fd);
}

static void
expect(const char *status, const char *inside)
{
	ck_assert_msg(strncmp(answer + 9, status, 3) == 0, "not %s: %.600s", status, answer);
	ck_assert_msg(strstr(answer, inside) != NULL, "no %s in: %.600s", inside, answer);
}

#define EAST "{\"wish\": \"evacuate\", \"region\": \"east\", \"reason\": \"upgrade\"}"

/* In this order, on one proxy. */
static const struct {
	const char *method;
	const char *target;
	const char *body;
	const char *status;
	const char *inside;
} steps[] = {
	{ "GET", "/v1/wishes", "", "200", "\"wishes\": []" },
	{ "POST", "/v1/wishes", EAST, "200", "\"result\": \"done\"" },
	{ "GET", "/v1/wishes", "", "200", "\"region\": \"east\"" },
	{ "POST", "/v1/wishes", "{\"wish\": \"evacuate\", \"region\": \"far\", \"reason\": \"r\"}",
	    "409", "\"rule\": \"two\"" },
	{ "POST", "/v1/wishes",
	    "{\"wish\": \"evacuate\", \"region\": \"far\", \"reason\": \"r\", \"override\": "
	    "\"two\"}",
	    "200", "\"rule\": \"two\"" },
	{ "POST", "/v1/wishes", "{\"wish\": \"freeze\", \"reason\": \"r\", \"for_s\": 60}", "200",
	    "all services" },
	{ "POST", "/v1/wishes/end", "{\"wish\": \"freeze\"}", "200",
	    "automatic moves of all services go on" },
	{ "POST", "/v1/wishes/end", "{\"wish\": \"freeze\"}", "400", "\"result\": \"wrong\"" },
	{ "GET", "/v1/journal", "", "200", "\"kind\": \"wish_made\"" },
	{ "GET", "/v1/journal?since=0&limit=1", "", "200", "\"next\": 1" },
	{ "GET", "/v1/journal?limit=99999999", "", "200", "\"facts\"" },
	{ "GET", "/v1/journal?since=-1", "", "400", "numbers" },
	{ "GET", "/v1/journal?since=1x", "", "400", "numbers" },
	{ "GET", "/v1/journal?limit=", "", "400", "numbers" },
	{ "GET", "/v1/journal?since=99999999999999999999", "", "400", "numbers" },
	{ "GET", "/v1/explain/shop", "", "200", "\"sentences\": [" },
	{ "GET", "/v1/explain/sh%6Fp", "", "200", "\"sentences\": [" },
	{ "GET", "/v1/explain/nothing", "", "404", "there is no service 'nothing'" },
	{ "GET", "/v1/explain/", "", "404", "no service" },
	{ "GET", "/v1/explain/shop%00x", "", "404", "no such service" },
	{ "POST", "/v1/explain/shop", "", "405", "Allow: GET" },
	{ "POST", "/v1/journal", "", "405", "Allow: GET" },
	{ "GET", "/v1/wishes/end", "", "405", "Allow: POST" },
	{ "DELETE", "/v1/wishes", "", "405", "Allow: GET, POST" },
	{ "GET", "/v1/nothing", "", "404", "/v1/explain/SERVICE" },
};

START_TEST(people_are_served_over_the_socket)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		ask(connect_local(), steps[i].method, steps[i].target, steps[i].body);
		expect(steps[i].status, steps[i].inside);
	}
}
END_TEST

START_TEST(over_tcp_everything_can_be_read_and_nothing_changed)
{
	ask(connect_tcp(), "POST", "/v1/wishes", EAST);
	expect("403", "admin socket");
	ask(connect_tcp(), "POST", "/v1/wishes/end", "{\"wish\": \"freeze\"}");
	expect("403", "admin socket");
	ask(connect_tcp(), "GET", "/v1/wishes", "");
	expect("200", "\"wishes\": []");
	ask(connect_tcp(), "GET", "/v1/journal", "");
	expect("200", "\"facts\"");
	ask(connect_tcp(), "GET", "/v1/explain/blog", "");
	expect("200", "sentences");
}
END_TEST

#define LONG                                                                                       \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xx"                                                                                       \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xx"                                                                                       \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *body;
	const char *inside;
} malformed[] = {
	{ "", "JSON object" },
	{ "{", "JSON object" },
	{ "[]", "keys are" },
	{ "{}", "keys are" },
	{ "{\"wish\": 1}", "keys are" },
	{ "{\"wish\": \"drain\"}", "a wish is" },
	{ "{\"wish\": \"freeze\", \"wish\": \"pin\"}", "JSON object" },
	{ "{\"wish\": \"freeze\", \"reason\": \"r\", \"region_\": \"east\"}", "keys are" },
	{ "{\"wish\": \"freeze\", \"reason\": \"r\", \"for_s\": -1}", "72 hours" },
	{ "{\"wish\": \"freeze\", \"reason\": \"r\", \"for_s\": 1e300}", "72 hours" },
	{ "{\"wish\": \"freeze\", \"reason\": \"r\", \"for_s\": \"1h\"}", "keys are" },
	{ "{\"wish\": \"evacuate\", \"reason\": \"r\", \"region\": \"east\", \"service\": "
	  "\"shop\"}",
	    "for all services" },
	{ "{\"wish\": \"freeze\", \"reason\": \"r\", \"region\": \"east\"}", "in all regions" },
	{ "{\"wish\": \"freeze\"}", "a reason is needed" },
	{ "{\"wish\": \"freeze\", \"reason\": \"" LONG "\"}", "longer" },
	{ "{\"wish\": \"freeze\", \"reason\": \"r\", \"owner\": \"" LONG "\"}", "too long" },
	{ "{\"wish\": \"evacuate\", \"reason\": \"r\", \"region\": \"" LONG "\"}", "too long" },
	{ "{\"wish\": \"evacuate\", \"reason\": \"r\", \"region\": \"\\u0000\"}", "JSON object" },
};

START_TEST(a_body_that_makes_no_sense_changes_nothing)
{
	ask(connect_local(), "POST", "/v1/wishes", malformed[_i].body);
	expect("400", malformed[_i].inside);
	ask(connect_local(), "GET", "/v1/wishes", "");
	expect("200", "\"wishes\": []");
}
END_TEST

START_TEST(the_kernel_names_the_owner_and_a_given_name_stands_beside_it)
{
	const struct passwd *me = getpwuid(getuid());
	char expected[128];

	ask(connect_local(), "POST", "/v1/wishes", EAST);
	ck_assert_str_eq(people_fact_text("wish_made", "actor"), me->pw_name);
	ask(connect_local(), "POST", "/v1/wishes",
	    "{\"wish\": \"freeze\", \"reason\": \"r\", \"owner\": \"alice\"}");
	snprintf(expected, sizeof expected, "alice (as %s)", me->pw_name);
	ck_assert_str_eq(people_fact_text("wish_made", "actor"), expected);
}
END_TEST

START_TEST(who_leaves_before_the_answer_harms_nobody)
{
	for (unsigned i = 0; i < 5; i++) {
		int fd = connect_local();

		send_request(fd, "GET", "/v1/explain/shop", "");
		people_turn_main();
		people_turn_main();
		close(fd);
		people_turn_main();
	}
	for (unsigned i = 0; i < 10; i++)
		people_turn(0);
	ask(connect_local(), "GET", "/v1/explain/shop", "");
	expect("200", "sentences");
}
END_TEST

START_TEST(who_waits_at_the_end_is_answered)
{
	int fd = connect_local();
	uint64_t by_ms = clock_now_ms() + 1000;

	send_request(fd, "POST", "/v1/wishes", EAST);
	while (clock_now_ms() < by_ms && recv(fd, answer, 1, MSG_PEEK) < 0) {
		people_turn_main();
		desk_close(people_desk);
	}
	answer[recv(fd, answer, sizeof answer - 1, 0)] = '\0';
	expect("504", "not_answered");
	close(fd);
}
END_TEST

START_TEST(who_waits_when_the_admin_side_leaves_is_answered)
{
	struct pollfd asked = { .fd = desk_fd(people_desk), .events = POLLIN };
	uint64_t by_ms = clock_now_ms() + 5000;
	int fd = connect_tcp();

	send_request(fd, "GET", "/v1/explain/shop", "");
	while (poll(&asked, 1, 0) == 0) {
		ck_assert_uint_lt(clock_now_ms(), by_ms);
		people_turn_main();
	}
	admin_leave(admin);
	receive(fd);
	expect("200", "sentences");
}
END_TEST

START_TEST(who_asked_nothing_is_let_go_when_the_admin_side_leaves)
{
	int fd = connect_tcp();

	people_turn_main();
	admin_leave(admin);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	receive(fd);
	ck_assert_str_eq(answer, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/admin_people");
	TCase *tests = tcase_create("people");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, people_are_served_over_the_socket);
	tcase_add_test(tests, over_tcp_everything_can_be_read_and_nothing_changed);
	tcase_add_loop_test(
	    tests, a_body_that_makes_no_sense_changes_nothing, 0, ARRAY_SIZE(malformed));
	tcase_add_test(tests, the_kernel_names_the_owner_and_a_given_name_stands_beside_it);
	tcase_add_test(tests, who_leaves_before_the_answer_harms_nobody);
	tcase_add_test(tests, who_waits_at_the_end_is_answered);
	tcase_add_test(tests, who_waits_when_the_admin_side_leaves_is_answered);
	tcase_add_test(tests, who_asked_nothing_is_let_go_when_the_admin_side_leaves);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
