/* SPDX-License-Identifier: Apache-2.0 */
#include "net/socket.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[] = "/tmp/detour-socket-XXXXXX";

static struct conf_address
ip4(const char *ip, uint16_t port)
{
	struct conf_address a = { .len = sizeof(struct sockaddr_in), .text = "the address" };
	struct sockaddr_in *in = (void *)&a.addr;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET, ip, &in->sin_addr), 1);
	return a;
}

static struct conf_address
ip6(const char *ip, uint16_t port)
{
	struct conf_address a = { .len = sizeof(struct sockaddr_in6), .text = "the address" };
	struct sockaddr_in6 *in = (void *)&a.addr;

	in->sin6_family = AF_INET6;
	in->sin6_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET6, ip, &in->sin6_addr), 1);
	return a;
}

static struct conf_address
unix_path(const char *name)
{
	struct conf_address a = { .len = sizeof(struct sockaddr_un), .text = "the address" };
	struct sockaddr_un *un = (void *)&a.addr;

	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof un->sun_path, "%s/%s", directory, name);
	return a;
}

static const struct sockaddr *
sa(const struct conf_address *a)
{
	return (const struct sockaddr *)&a->addr;
}

/* Listens and leaves the address it got in *a. */
static int
listen_at(struct conf_address *a)
{
	struct error e = { "" };
	int fd = socket_listen(a, 16, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	a->len = sizeof a->addr;
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a->addr, &a->len), 0);
	return fd;
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void
assert_tuned(int fd)
{
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 10);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 3);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

static void
assert_private_and_patient(int fd)
{
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

static int
accept_one(int listening)
{
	struct pollfd in = { .fd = listening, .events = POLLIN };

	ck_assert_int_eq(poll(&in, 1, 5000), 1);
	return accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

START_TEST(both_ends_are_tuned_without_a_call_for_each_client)
{
	struct conf_address a = ip4("127.0.0.1", 0);
	int listening = listen_at(&a), client, accepted, pair[2];
	bool pending;

	assert_private_and_patient(listening);
	client = socket_connect(sa(&a), a.len, &socket_keepalive_usual, &pending);
	ck_assert_int_ge(client, 0);
	assert_private_and_patient(client);
	assert_tuned(client);
	/* It would cut off a peer whose window is closed, which is not a dead one. */
	ck_assert_int_eq(option(client, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	accepted = accept_one(listening);
	assert_tuned(accepted);
	socket_tune_client(accepted);
	assert_tuned(accepted);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	socket_tune_client(pair[0]); /* has no such options; no matter */
	close(pair[0]);
	close(pair[1]);
	close(accepted);
	close(client);
	close(listening);
}
END_TEST

/* Its own buffer is small, so that nearly all that is taken waits on our side. */
START_TEST(a_client_that_does_not_read_holds_little_of_our_memory)
{
	static const char block[64 * 1024];
	struct conf_address a = ip4("127.0.0.1", 0);
	int listener = listen_at(&a), little = 4096, client, server;
	size_t taken = 0;
	ssize_t n;

	client = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
	ck_assert_int_eq(connect(client, sa(&a), a.len), 0);
	server = accept_one(listener);
	while ((n = send(server, block, sizeof block, MSG_NOSIGNAL)) > 0)
		taken += (size_t)n;
	ck_assert(n < 0 && errno == EAGAIN);
	ck_assert_uint_ge(taken, SOCKET_UNSENT_MAX / 2);
	ck_assert_uint_le(taken, 2 * SOCKET_UNSENT_MAX);
	close(server);
	close(client);
	close(listener);
}
END_TEST

START_TEST(keepalive_towards_endpoints_is_as_asked)
{
	const struct socket_keepalive asked = { 60, 5, 7 };
	struct conf_address a = ip4("127.0.0.1", 0);
	int listening = listen_at(&a);
	bool pending;
	int fd = socket_connect(sa(&a), a.len, &asked, &pending);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 5);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 7);
	close(fd);
	close(listening);
}
END_TEST

START_TEST(a_refused_connect_says_so_at_once_or_later)
{
	struct conf_address a = ip4("127.0.0.1", 1);
	bool pending;
	int fd = socket_connect(sa(&a), a.len, &socket_keepalive_usual, &pending);

	if (fd < 0) {
		ck_assert_int_eq(errno, ECONNREFUSED);
		return;
	}
	ck_assert(pending);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	close(fd);
}
END_TEST

START_TEST(workers_share_a_port_but_strangers_do_not)
{
	struct conf_address a = ip4("127.0.0.1", 0);
	int one = listen_at(&a), two = listen_at(&a);
	struct error e = { "" };
	char owner[64];

	ck_assert(!socket_is_free(&a, &e));
	snprintf(owner, sizeof owner, "(pid %d)", (int)getpid());
	ck_assert_msg(strstr(e.text, "in use by") != NULL && strstr(e.text, owner) != NULL &&
		strstr(e.text, "the address") != NULL,
	    "%s", e.text);
	close(one);
	close(two);
	ck_assert_msg(socket_is_free(&a, &e), "%s", e.text);
}
END_TEST

START_TEST(errors_name_the_address_and_the_remedy)
{
	struct conf_address foreign = ip4("192.0.2.77", 0), taken = ip4("127.0.0.1", 0);
	struct error e = { "" };
	int fd;

	ck_assert_int_eq(socket_listen(&foreign, 16, &e), -1);
	ck_assert_msg(strstr(e.text, "no such address") != NULL, "%s", e.text);
	/* A listener of another kind of program: no SO_REUSEPORT. */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, sa(&taken), taken.len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&taken.addr, &taken.len), 0);
	ck_assert_int_eq(socket_listen(&taken, 16, &e), -1);
	ck_assert_msg(strstr(e.text, "in use by") != NULL, "%s", e.text);
	close(fd);
}
END_TEST

START_TEST(a_low_port_without_the_privilege_is_explained)
{
	struct conf_address a = ip4("127.0.0.1", 81);
	struct error e = { "" };
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
	int first = 1024;

	if (f != NULL) {
		ck_assert_int_eq(fscanf(f, "%d", &first), 1);
		fclose(f);
	}
	if (first <= 81 || (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
		return;
	ck_assert_int_eq(socket_listen(&a, 16, &e), -1);
	ck_assert_msg(strstr(e.text, "CAP_NET_BIND_SERVICE") != NULL, "%s", e.text);
}
END_TEST

START_TEST(every_address_means_ipv4_too_and_a_given_one_does_not)
{
	struct conf_address any = ip6("::", 0), four = ip4("127.0.0.1", 0);
	int listening = listen_at(&any), client;
	bool pending;

	ck_assert_int_eq(option(listening, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	((struct sockaddr_in *)(void *)&four.addr)->sin_port = htons(socket_port(sa(&any)));
	client = socket_connect(sa(&four), four.len, &socket_keepalive_usual, &pending);
	ck_assert_int_ge(client, 0);
	close(accept_one(listening));
	close(client);
	close(listening);
	any = ip6("::1", 0);
	listening = listen_at(&any);
	ck_assert_int_eq(option(listening, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	close(listening);
}
END_TEST

START_TEST(a_stale_unix_socket_is_replaced_but_nothing_else)
{
	struct conf_address a = unix_path("s"), file = unix_path("file");
	const char *path = ((const struct sockaddr_un *)(const void *)&file.addr)->sun_path;
	struct error e = { "" };
	int fd = socket_listen(&a, 16, &e);

	ck_assert_msg(fd >= 0, "%s", e.text);
	ck_assert_int_eq(socket_listen(&a, 16, &e), -1);
	ck_assert_msg(strstr(e.text, "another process listens") != NULL, "%s", e.text);
	close(fd); /* its file stays behind, as after a crash */
	fd = socket_listen(&a, 16, &e);
	ck_assert_msg(fd >= 0, "%s", e.text);
	close(fd);

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(socket_listen(&file, 16, &e), -1);
	ck_assert_msg(strstr(e.text, "no socket") != NULL, "%s", e.text);
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	unlink(((const struct sockaddr_un *)(const void *)&a.addr)->sun_path);
}
END_TEST

/* Fills the way to a peer that does not read: what was sent is acknowledged all the same. */
START_TEST(a_peer_that_only_does_not_read_acknowledges)
{
	static char data[65536];
	struct socket_path path;
	uint64_t before;
	struct conf_address a = ip4("127.0.0.1", 0);
	int listening = listen_at(&a), client, accepted;
	bool pending;

	client = socket_connect(sa(&a), a.len, &socket_keepalive_usual, &pending);
	accepted = accept_one(listening);
	ck_assert(socket_path(client, &path));
	ck_assert(!path.unacknowledged);
	ck_assert_uint_gt(path.rtt_us, 0);
	before = path.acknowledged_bytes;
	while (write(client, data, sizeof data) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	/* Several probes of the closed window. */
	poll(NULL, 0, 1500);
	ck_assert(socket_path(client, &path));
	ck_assert(!path.unacknowledged);
	ck_assert_uint_gt(path.acknowledged_bytes, before + sizeof data / 2);
	ck_assert_int_eq(option(client, SOL_SOCKET, SO_ERROR), 0);
	ck_assert(!socket_path(-1, &path));
	ck_assert(!socket_path(listening, &path));
	close(client);
	close(accepted);
	close(listening);
}
END_TEST

static const struct {
	int family;
	const char *ip;
	const char *text, *bare;
} formats[] = {
	{ AF_INET, "192.0.2.1", "192.0.2.1:443", "192.0.2.1" },
	{ AF_INET, "0.0.0.0", "0.0.0.0:443", "0.0.0.0" },
	{ AF_INET6, "::1", "[::1]:443", "::1" },
	{ AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666",
	    "[2001:db8:1111:2222:3333:4444:5555:6666]:443",
	    "2001:db8:1111:2222:3333:4444:5555:6666" },
	{ AF_INET6, "::ffff:192.0.2.1", "192.0.2.1:443", "192.0.2.1" },
	{ AF_UNIX, NULL, "unix", "unix" },
	{ AF_UNSPEC, NULL, "unknown", "unknown" },
};

START_TEST(addresses_read_as_people_write_them)
{
	struct conf_address a = { .len = 0 };
	char buf[64];

	if (formats[_i].family == AF_INET)
		a = ip4(formats[_i].ip, 443);
	else if (formats[_i].family == AF_INET6)
		a = ip6(formats[_i].ip, 443);
	a.addr.ss_family = (sa_family_t)formats[_i].family;
	ck_assert_str_eq(socket_format(sa(&a), buf, sizeof buf), formats[_i].text);
	ck_assert_uint_eq(socket_format_ip(sa(&a), buf, sizeof buf), strlen(formats[_i].bare));
	ck_assert_str_eq(buf, formats[_i].bare);
}
END_TEST

START_TEST(addresses_are_equal_by_family_address_and_port)
{
	struct conf_address list[] = { ip4("10.0.0.1", 80), ip4("10.0.0.1", 81),
		ip4("10.0.0.2", 80), ip6("::1", 80), ip6("::1", 81), ip6("::2", 80), unix_path("a"),
		unix_path("b") };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		for (size_t j = 0; j < ARRAY_SIZE(list); j++) {
			struct conf_address copy = list[j];

			/* What lies behind the address proper does not count. */
			memset((char *)&copy.addr + copy.len, 0xaa, sizeof copy.addr - copy.len);
			ck_assert(socket_addr_equal(sa(&list[i]), sa(&copy)) == (i == j));
		}
	ck_assert_uint_eq(socket_port(sa(&list[1])), 81);
	ck_assert_uint_eq(socket_port(sa(&list[4])), 81);
	ck_assert_uint_eq(socket_port(sa(&list[6])), 0);
}
END_TEST

START_TEST(the_descriptor_limit_is_raised_to_the_hard_one)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(socket_raise_fd_limit(), limit.rlim_max);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
	ck_assert_uint_eq(socket_raise_fd_limit(), limit.rlim_max);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("socket");
	TCase *tc = tcase_create("socket");
	SRunner *runner = srunner_create(suite);
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(directory) == NULL)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, both_ends_are_tuned_without_a_call_for_each_client);
	tcase_add_test(tc, a_client_that_does_not_read_holds_little_of_our_memory);
	tcase_add_test(tc, keepalive_towards_endpoints_is_as_asked);
	tcase_add_test(tc, a_refused_connect_says_so_at_once_or_later);
	tcase_add_test(tc, workers_share_a_port_but_strangers_do_not);
	tcase_add_test(tc, errors_name_the_address_and_the_remedy);
	tcase_add_test(tc, every_address_means_ipv4_too_and_a_given_one_does_not);
	tcase_add_test(tc, a_stale_unix_socket_is_replaced_but_nothing_else);
	tcase_add_test(tc, a_peer_that_only_does_not_read_acknowledges);
	tcase_add_loop_test(tc, addresses_read_as_people_write_them, 0, ARRAY_SIZE(formats));
	tcase_add_test(tc, addresses_are_equal_by_family_address_and_port);
	tcase_add_test(tc, the_descriptor_limit_is_raised_to_the_hard_one);
	tcase_add_test(tc, a_low_port_without_the_privilege_is_explained); /* last: gives up root */
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	rmdir(directory);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
