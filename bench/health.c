/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control thread costs with 10,000 endpoints checked once a second: its CPU time, from
 * the kernel's own accounting, for each kind of check.
 *
 * The origin is a child process on all of 127.0.0.0/8, so that only the control thread counts.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/topology.h"
#include "control/controller.h"
#include "net/socket.h"
#include "net/stream.h"
#include "steer/table.h"

enum { ENDPOINTS = 10000, SETTLE_MS = 3000, MEASURE_MS = 10000, QUARTER_PCT = 25 };

struct bench_case {
	const char *name;
	const char *check;
	bool must_fit; /* in a quarter of a core: the defaults do; a connection for each probe is TCP's */
};

static const struct bench_case cases[] = {
	{ "http, connections kept", "type = \"http\"; path = \"/healthz\";", true },
	{ "http, with a text", "type = \"http\"; path = \"/healthz\"; expect_body = \"ok\";", true },
	{ "http, connections not kept", "type = \"http\"; path = \"/healthz\"; reuse = false;", false },
	{ "tcp", "type = \"tcp\";", false },
};

static void
answer(int fd)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nServer: bench\r\n"
				 "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";
	char request[4096];
	ssize_t n = recv(fd, request, sizeof request, 0);

	if (n <= 0) {
		close(fd);
		return;
	}
	(void)send(fd, ok, sizeof ok - 1, MSG_NOSIGNAL);
}

static void
serve(int listener)
{
	int ep = epoll_create1(0);
	struct epoll_event ready[256], e = { .events = EPOLLIN, .data.fd = listener };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(ep, ready, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = ready[i].data.fd;

			if (fd != listener) {
				answer(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				e.data.fd = fd;
				epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
			}
		}
	}
}

static pid_t
start_origin(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	pid_t pid;

	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8192) != 0) {
		perror("origin");
		exit(EXIT_FAILURE);
	}
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	pid = fork();
	if (pid == 0)
		serve(fd);
	close(fd);
	return pid;
}

static char *
configuration(const struct bench_case *c, unsigned port)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "listeners = ( { name = \"web\"; bind = \"127.0.0.1:1\"; } );\n"
		   "regions = ( { name = \"east\"; }, { name = \"west\"; } );\n"
		   "services = ( { name = \"shop\";\n"
		   "  health_check = { %s interval = \"1s\"; timeout = \"900ms\"; };\n"
		   "  regions = (\n",
	    c->check);
	for (unsigned r = 0; r < 2; r++) {
		fprintf(f, "%s{ region = \"%s\"; endpoints = (\n", r == 0 ? "" : ",",
		    r == 0 ? "east" : "west");
		for (unsigned i = 0; i < ENDPOINTS / 2; i++)
			fprintf(f, "%s\"http://127.%u.%u.%u:%u\"\n", i == 0 ? "" : ",", 1 + r,
			    i / 250, 1 + i % 250, port);
		fprintf(f, "); }\n");
	}
	fprintf(f, "); } );\nroutes = ( { path = \"/\"; service = \"shop\"; } );\n");
	fclose(f);
	return text;
}

/* CPU time of the thread with this name, in us. */
static uint64_t
thread_cpu_us(const char *name)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	unsigned long long ns = 0;

	while ((task = readdir(tasks)) != NULL) {
		char path[300], comm[32] = "";
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fgets(comm, sizeof comm, f) == NULL)
			comm[0] = '\0';
		fclose(f);
		comm[strcspn(comm, "\n")] = '\0';
		if (strcmp(comm, name) != 0)
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", task->d_name);
		f = fopen(path, "r");
		assert(f != NULL);
		if (fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		fclose(f);
	}
	closedir(tasks);
	return ns / 1000;
}

static void
wait_ms(unsigned ms)
{
	uint64_t until_ms = clock_now_ms() + ms;

	while (clock_now_ms() < until_ms)
		usleep(10000);
}

static unsigned
count_up(const struct table *t)
{
	unsigned up = 0;

	for (unsigned r = 0; r < t->services[0].region_count; r++)
		up += atomic_load(&t->services[0].regions[r].steering->usable);
	return up;
}

/* False: it must fit in a quarter of a core and does not, or not all endpoints are up. */
static bool
measure(const struct bench_case *c, unsigned port)
{
	char *text = configuration(c, port);
	struct conf_problems problems;
	struct topology *t = conf_load_text(text, "bench", ".", &problems);
	struct controller *controller;
	struct error error;
	uint64_t cpu_us, began_us, spent_us, checks;
	unsigned up;
	double pct;

	free(text);
	if (t == NULL) {
		conf_problems_print(&problems, stderr);
		exit(EXIT_FAILURE);
	}
	conf_problems_free(&problems);
	controller = controller_new(&(struct controller_setup){ .urgent_fd = -1 });
	if (!controller_start(controller, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(EXIT_FAILURE);
	}
	controller_apply(controller, t, NULL);
	topology_unref(t);
	wait_ms(SETTLE_MS);
	began_us = clock_now_us();
	cpu_us = thread_cpu_us("control");
	checks = atomic_load(&controller_stats(controller)->checks);
	wait_ms(MEASURE_MS);
	spent_us = clock_now_us() - began_us;
	cpu_us = thread_cpu_us("control") - cpu_us;
	checks = atomic_load(&controller_stats(controller)->checks) - checks;
	up = count_up(controller_table(controller));
	pct = 100.0 * (double)cpu_us / (double)spent_us;
	printf("%-28s %6.0f probes/s  %5.1f %% of a core  %5.2f us each  %u of %u up  "
	       "%llu failed  slowest tick %llu us\n",
	    c->name, (double)checks * 1e6 / (double)spent_us, pct, (double)cpu_us / (double)checks,
	    up, ENDPOINTS, atomic_load(&controller_stats(controller)->checks_failed),
	    atomic_load(&controller_stats(controller)->tick_us_max));
	fflush(stdout);
	controller_free(controller);
	return !c->must_fit || (pct <= QUARTER_PCT && up == ENDPOINTS);
}

int
main(void)
{
	bool good = true;
	unsigned port;
	pid_t origin;

	stream_init_openssl();
	if (socket_raise_fd_limit() < ENDPOINTS + 200) {
		fprintf(stderr, "needs %d file descriptors: ulimit -n\n", ENDPOINTS + 200);
		return EXIT_FAILURE;
	}
	log_set_level(LOG_LEVEL_WARN);
	origin = start_origin(&port);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		good = measure(&cases[i], port) && good;
	kill(origin, SIGKILL);
	waitpid(origin, NULL, 0);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
