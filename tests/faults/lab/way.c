/* SPDX-License-Identifier: Apache-2.0 */
/*
 * way: the way to a region, as long as one wants: two network devices, one here and one in the
 * region's network namespace, and every packet comes out of the other one some time later.
 *
 * Packets, not bytes of connections: who connects waits for his SYN to be answered, and what he has
 * sent is not acknowledged sooner than it arrives, as over a real distance. Nothing is dropped,
 * nothing overtakes, and as much as comes is on its way at a time.
 *
 *   stdin    "takes MS": how long a round trip takes from now on, half of it each way; also what is
 *            under way already
 *   stdout   "ready", and "done" for each command
 *   --near   name of the device that is made here, --far in the namespace of --netns
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <unistd.h>

#include "tool.h"

enum { PACKET_MAX = 65536 };

const char *tool_name = "way";

struct packet {
	STAILQ_ENTRY(packet) next;
	int64_t came_us;
	size_t len;
	unsigned char bytes[];
};

/* One of the two directions. */
struct lane {
	int from, to;
	struct event *come, *due;
	STAILQ_HEAD(, packet) packets; /* under way, the oldest first */
};

static struct lane lanes[2];
static int64_t one_way_us;
static struct event_base *base;

/* A device of whatever namespace this thread is in; it goes with its descriptor. */
static int
make_device(const char *name)
{
	struct ifreq wanted = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		tool_die("/dev/net/tun", strerror(errno));
	if (strlen(name) >= sizeof wanted.ifr_name)
		tool_die(name, "is too long");
	memcpy(wanted.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &wanted) < 0)
		tool_die(name, strerror(errno));
	return fd;
}

static void
enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		tool_die(path, strerror(errno));
	close(fd);
}

/* Lets out what has arrived, and waits for the next. */
static void
let_out(struct lane *l)
{
	int64_t now = tool_now_us();
	struct timeval wait;
	struct packet *p;

	while ((p = STAILQ_FIRST(&l->packets)) != NULL && p->came_us + one_way_us <= now) {
		/* a device that is down, or has gone with its namespace, takes none: as a way does
		 */
		if (write(l->to, p->bytes, p->len) < 0 && errno != EIO && errno != EAGAIN)
			tool_die("a packet", strerror(errno));
		STAILQ_REMOVE_HEAD(&l->packets, next);
		free(p);
	}
	if (p == NULL)
		return;
	now = p->came_us + one_way_us - now;
	wait = (struct timeval){ now / 1000000, now % 1000000 };
	event_add(l->due, &wait);
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	let_out(arg);
}

static void
on_come(evutil_socket_t fd, short what, void *arg)
{
	static unsigned char bytes[PACKET_MAX];
	struct lane *l = arg;
	ssize_t n;

	(void)what;
	while ((n = read(fd, bytes, sizeof bytes)) > 0) {
		struct packet *p = malloc(sizeof *p + (size_t)n);

		if (p == NULL)
			abort();
		p->came_us = tool_now_us();
		p->len = (size_t)n;
		memcpy(p->bytes, bytes, p->len);
		STAILQ_INSERT_TAIL(&l->packets, p, next);
	}
	let_out(l);
}

static void
open_lane(struct lane *l, int from, int to)
{
	*l = (struct lane){ .from = from, .to = to };
	STAILQ_INIT(&l->packets);
	l->come = event_new(base, from, EV_READ | EV_PERSIST, on_come, l);
	l->due = event_new(base, -1, 0, on_due, l);
	if (l->come == NULL || l->due == NULL || event_add(l->come, NULL) != 0)
		abort();
}

static void
obey(const char *order)
{
	unsigned ms;

	if (sscanf(order, "takes %u", &ms) != 1)
		tool_die(order, "not an order");
	one_way_us = (int64_t)ms * 1000 / 2;
	let_out(&lanes[0]);
	let_out(&lanes[1]);
	printf("done\n");
	fflush(stdout);
}

static void
stop(void)
{
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "near", required_argument, NULL, 'n' },
		{ "far", required_argument, NULL, 'f' }, { "netns", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 } };
	const char *near = NULL, *far = NULL, *netns = NULL;
	int c, here, there;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			near = optarg;
		else if (c == 'f')
			far = optarg;
		else if (c == 's')
			netns = optarg;
		else
			exit(2);
	}
	if (near == NULL || far == NULL || netns == NULL)
		tool_die("--near, --far and --netns", "are needed");
	base = tool_base();
	here = make_device(near);
	enter(netns);
	there = make_device(far);
	open_lane(&lanes[0], here, there);
	open_lane(&lanes[1], there, here);
	tool_orders(base, obey, stop);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(base);
	return 0;
}
