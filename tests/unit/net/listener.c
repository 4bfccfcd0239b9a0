/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/socket.h"

enum { WORKERS = 3 };

static struct conf_listener listeners[3];
static struct topology topology;
static char path[64];
static unsigned fds_before;

static unsigned
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void
set_address(struct conf_listener *l, const char *text, uint16_t port)
{
	struct sockaddr_in *in = (void *)&l->bind.addr;

	memset(l, 0, sizeof *l);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->bind.len = sizeof *in;
	l->bind.text = text;
	l->backlog = 16;
}

static void
set_unix(struct conf_listener *l)
{
	struct sockaddr_un *un = (void *)&l->bind.addr;

	memset(l, 0, sizeof *l);
	un->sun_family = AF_UNIX;
	snprintf(path, sizeof path, "/tmp/detour-listener-%d", (int)getpid());
	snprintf(un->sun_path, sizeof un->sun_path, "%s", path);
	l->bind.len = sizeof *un;
	l->bind.text = "unix:it";
}

static void
set_up(void)
{
	set_address(&listeners[0], "127.0.0.1:0", 0);
	set_address(&listeners[1], "localhost:0", 0);
	set_unix(&listeners[2]);
	topology.listeners = listeners;
	topology.listener_count = 3;
	fds_before = open_fds();
}

static void
tear_down(void)
{
	unlink(path);
	ck_assert_uint_eq(open_fds(), fds_before);
}

static struct listener_set *
set_open(const struct listener_set *old)
{
	struct error e = { "" };
	struct listener_set *set = listener_set_open(&topology, old, WORKERS, &e);

	ck_assert_msg(set != NULL, "%s", e.text);
	return set;
}

static uint16_t
port_of(const struct listener *l, unsigned worker)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;

	ck_assert_int_eq(getsockname(l->fds[worker], (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

START_TEST(each_worker_has_its_own_socket_at_the_same_address)
{
	struct listener_set *set = set_open(NULL);
	char text[64], expected[64];

	ck_assert_uint_eq(set->count, 3);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned w = 1; w < WORKERS; w++) {
			ck_assert_int_ne(set->listeners[i]->fds[w], set->listeners[i]->fds[0]);
			ck_assert_uint_eq(
			    port_of(set->listeners[i], w), port_of(set->listeners[i], 0));
		}
		snprintf(expected, sizeof expected, "127.0.0.1:%u", port_of(set->listeners[i], 0));
		ck_assert_str_eq(
		    listener_bound_text(set->listeners[i], text, sizeof text), expected);
	}
	ck_assert_str_eq(listener_bound_text(set->listeners[2], text, sizeof text), "unix:it");
	listener_set_unref(set);
}
END_TEST

START_TEST(a_reload_keeps_what_stays_and_closes_what_goes)
{
	struct listener_set *old = set_open(NULL), *new;
	struct listener *kept = old->listeners[0], *gone = old->listeners[1];
	int fd = kept->fds[1];

	listener_ref(gone); /* a worker still accepts there */
	topology.listener_count = 1;
	new = set_open(old);
	listener_set_unref(old);
	ck_assert_uint_eq(new->count, 1);
	ck_assert_ptr_eq(new->listeners[0], kept);
	ck_assert_int_eq(kept->fds[1], fd);
	ck_assert_uint_eq(atomic_load(&gone->refs), 1);
	for (unsigned w = 0; w < WORKERS; w++) {
		close(gone->fds[w]); /* as each worker does when it adopts the new table */
		gone->fds[w] = -1;
	}
	listener_unref(gone);
	listener_set_unref(new);
}
END_TEST

START_TEST(one_bad_address_opens_nothing_and_leaves_the_old_ones_alone)
{
	struct listener_set *old = set_open(NULL);
	unsigned before = open_fds();
	struct error e = { "" };
	struct sockaddr_in *in;

	set_address(&listeners[1], "127.0.0.1:new", 0);
	set_address(&listeners[2], "192.0.2.77:80", 80);
	in = (void *)&listeners[2].bind.addr;
	in->sin_addr.s_addr = htonl(0xc000024d);
	ck_assert_ptr_null(listener_set_open(&topology, old, WORKERS, &e));
	ck_assert_msg(strstr(e.text, "192.0.2.77:80") != NULL, "%s", e.text);
	ck_assert_uint_eq(open_fds(), before);
	ck_assert_uint_eq(atomic_load(&old->listeners[0]->refs), 1);
	listener_set_unref(old);
}
END_TEST

START_TEST(a_second_process_does_not_take_half_the_traffic)
{
	struct listener_set *first = set_open(NULL);
	struct error e = { "" };

	topology.listener_count = 1;
	set_address(&listeners[0], "127.0.0.1:taken", port_of(first->listeners[0], 0));
	ck_assert_ptr_null(listener_set_open(&topology, NULL, WORKERS, &e));
	ck_assert_msg(strstr(e.text, "in use") != NULL, "%s", e.text);
	listener_set_unref(first);
}
END_TEST

START_TEST(who_is_about_to_succeed_another_has_no_connections_before_it_accepts)
{
	struct listener_set *first, *second;
	struct sockaddr_in in;
	socklen_t len = sizeof in;
	int clients[2];

	topology.listener_count = 1;
	first = set_open(NULL);
	set_address(&listeners[0], "127.0.0.1:both", port_of(first->listeners[0], 0));
	socket_listen_beside(true);
	second = set_open(NULL);
	socket_listen_beside(false);
	ck_assert(listener_set_listens(first) && !listener_set_listens(second));
	for (unsigned w = 0; w < WORKERS; w++) {
		close(first->listeners[0]->fds[w]);
		first->listeners[0]->fds[w] = -1;
	}
	getsockname(second->listeners[0]->fds[0], (struct sockaddr *)&in, &len);
	for (unsigned i = 0; i < 2; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_eq(
		    connect(clients[i], (struct sockaddr *)&in, sizeof in), i == 0 ? -1 : 0);
		for (unsigned w = 0; w < WORKERS; w++)
			listener_listen(second->listeners[0], w);
		ck_assert(listener_set_listens(second));
	}
	for (unsigned i = 0; i < 2; i++)
		close(clients[i]);
	listener_set_unref(first);
	listener_set_unref(second);
}
END_TEST

/* The file that is at the path of the unix socket. */
static ino_t
inode(void)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_ino;
}

START_TEST(a_unix_socket_is_replaced_only_by_who_accepts)
{
	struct listener_set *first, *failed, *second;
	ino_t own;

	listeners[0] = listeners[2];
	topology.listener_count = 1;
	first = set_open(NULL);
	own = inode();
	socket_listen_beside(true);
	failed = set_open(NULL);
	listener_set_unref(failed);
	ck_assert_uint_eq(inode(), own);
	second = set_open(NULL);
	socket_listen_beside(false);
	ck_assert(inode() == own && !listener_set_listens(second));
	listener_listen(second->listeners[0], 1);
	ck_assert(inode() == own && !listener_set_listens(second));
	listener_listen(second->listeners[0], 0);
	ck_assert(inode() != own && listener_set_listens(second));
	listener_set_unref(first);
	listener_set_unref(second);
}
END_TEST

START_TEST(sets_are_counted)
{
	struct listener_set *set = set_open(NULL);

	listener_set_ref(set);
	listener_set_unref(set);
	ck_assert_int_ge(set->listeners[0]->fds[0], 0);
	listener_set_unref(set);
	listener_set_unref(NULL);
	listener_unref(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listener");
	TCase *tc = tcase_create("listener");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, each_worker_has_its_own_socket_at_the_same_address);
	tcase_add_test(tc, a_reload_keeps_what_stays_and_closes_what_goes);
	tcase_add_test(tc, one_bad_address_opens_nothing_and_leaves_the_old_ones_alone);
	tcase_add_test(tc, a_second_process_does_not_take_half_the_traffic);
	tcase_add_test(tc, who_is_about_to_succeed_another_has_no_connections_before_it_accepts);
	tcase_add_test(tc, a_unix_socket_is_replaced_only_by_who_accepts);
	tcase_add_test(tc, sets_are_counted);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
