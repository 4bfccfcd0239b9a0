/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../oracle.h"
#include "base/log.h"
#include "cmd/server.h"
#include "conf/conf.h"
#include "conf/topology.h"
#include "control/admin.h"
#include "control/admin_people.h"
#include "control/view.h"
#include "net/stream.h"

enum {
	QUIET_MS = 2,        /* so long nothing has moved: nothing will */
	PATIENCE_MS = 20,    /* the client has ended; then the origin does */
	TOO_LONG_MS = 20000, /* the proxy hangs */
};

static char directory[64];
static int listener = -1;
static struct server *server;
static struct event_base *base;
static struct admin *admin;

/* ---- the proxy ---- */

static void
on_exit_remove(void)
{
	char path[128];

	admin_free(admin);
	server_free(server);
	event_base_free(base);
	snprintf(path, sizeof path, "%s/in", directory);
	unlink(path);
	rmdir(directory);
}

static unsigned
listen_as_origin(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 64) == 0 &&
		getsockname(listener, (struct sockaddr *)&a, &len) == 0,
	    "the origin listens");
	return ntohs(a.sin_port);
}

static void
on_view(void *arg, struct view *v)
{
	server_view(server, v);
	v->process.version = v->process.commit = v->process.config = "fuzz";
}

static void
start_admin(const struct topology *t)
{
	struct error e;

	admin = admin_new(base, &t->admin, on_view, NULL, &e);
	must(admin != NULL, "the admin side starts");
	admin_serve_people(admin, server_people(server));
}

void
world_start(const char *region_text)
{
	struct conf_problems problems;
	struct topology *t;
	struct error e;
	char text[2048];

	signal(SIGPIPE, SIG_IGN);
	strcpy(directory, "/tmp/detour-fuzz-XXXXXX");
	must(mkdtemp(directory) != NULL, "a directory");
	snprintf(text, sizeof text,
	    "workers = 1; regions = ( { name = \"here\"; } );\n"
	    "listeners = ( { name = \"in\"; bind = \"unix:%s/in\"; h2c = true; } );\n"
	    "services = ( { name = \"shop\"; retry = { attempts = 1; };\n"
	    "  timeouts = { connect = \"5s\"; try = \"5s\"; request = \"5s\"; idle = \"5s\"; };\n"
	    "  regions = ( { region = \"here\"; %s endpoints = ( \"http://127.0.0.1:%u\" ); } ); } "
	    ");\n"
	    "routes = ( { path = \"/\"; service = \"shop\"; } );\n"
	    "admin = { socket = \"%s/admin\"; }; log = { access = \"off\"; };\n",
	    directory, region_text, listen_as_origin(), directory);
	stream_init_openssl();
	log_set_level(LOG_LEVEL_ERROR);
	t = conf_load_text(text, "world.conf", directory, &problems);
	if (t == NULL)
		conf_problems_print(&problems, stderr);
	must(t != NULL, "the configuration is good");
	conf_problems_free(&problems);
	base = event_base_new();
	server = server_new(t, &e);
	must(server != NULL && server_start(server, base, false, &e), "the proxy starts");
	start_admin(t);
	topology_unref(t);
	while (!server_is_ready(server))
		usleep(1000);
	atexit(on_exit_remove);
}

const char *
world_admin(void)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/admin", directory);
	return path;
}

void
world_turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* ---- sockets ---- */

static void
reset_and_close(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

static int
connect_as_client(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s/in", directory);
	must(connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "the proxy accepts");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* False: there is nothing more to come. */
static bool
read_some(int fd, struct bytes *b)
{
	char buf[16384];
	ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
	size_t room = WORLD_BYTES - b->len;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (b->at == NULL)
		b->at = malloc(WORLD_BYTES);
	memcpy(b->at + b->len, buf, (size_t)n < room ? (size_t)n : room);
	b->len += (size_t)n < room ? (size_t)n : room;
	return true;
}

void
world_send(struct origin_connection *o, const char *bytes, size_t len)
{
	if (len > 0 && send(o->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* the proxy has closed, and says so when it is read */
}

/* ---- the origin ---- */

static void
accept_origin(struct world *w)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	for (unsigned i = 0; fd >= 0 && i < WORLD_CONNECTIONS; i++) {
		if (w->origins[i].fd >= 0)
			continue;
		w->origins[i].fd = fd;
		w->origins[i].got.len = 0;
		w->origins[i].requests = 0;
		w->origins[i].raw = w->origin_is_raw;
		return;
	}
	if (fd >= 0)
		reset_and_close(fd);
}

static void
close_origin(struct origin_connection *o)
{
	reset_and_close(o->fd);
	o->fd = -1;
	o->got.len = 0;
}

static size_t
own_answer(struct world *w, char *out, size_t size)
{
	return (size_t)snprintf(
	    out, size, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%08x", w->secret);
}

/* False: it is to be closed. */
static bool
answer_one(struct world *w, struct origin_connection *o, bool head_only)
{
	char out[65536];
	bool close = false;
	size_t len = w->answer != NULL ? w->answer(w, w->requests, out, sizeof out, &close) : 0;

	if (len == 0)
		len = own_answer(w, out, sizeof out) - (head_only ? 8 : 0);
	w->requests++;
	o->requests++;
	world_send(o, out, len);
	return !close;
}

static void
serve_origin(struct world *w, struct origin_connection *o)
{
	bool open = read_some(o->fd, &o->got);

	if (o->raw && w->on_raw != NULL)
		w->on_raw(w, o);
	while (!o->raw && o->fd >= 0) {
		size_t len = strict_request(o->got.at, o->got.len);
		bool head_only = len > 5 && memcmp(o->got.at, "HEAD ", 5) == 0;

		if (len == 0)
			break;
		memmove(o->got.at, o->got.at + len, o->got.len - len);
		o->got.len -= len;
		open = answer_one(w, o, head_only) && open;
	}
	if (!open && o->fd >= 0)
		close_origin(o);
}

/* ---- a run ---- */

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One look at all sockets. False: nothing moved for quiet_ms. */
static bool
turn(struct world *w, int quiet_ms)
{
	struct pollfd fds[2 + WORLD_CONNECTIONS] = { { w->client_fd, POLLIN, 0 },
		{ listener, POLLIN, 0 } };

	for (unsigned i = 0; i < WORLD_CONNECTIONS; i++)
		fds[2 + i] = (struct pollfd){ w->origins[i].fd, POLLIN, 0 };
	if (poll(fds, ARRAY_SIZE(fds), quiet_ms) <= 0)
		return false;
	if (fds[0].revents != 0 && !read_some(w->client_fd, &w->answered)) {
		close(w->client_fd);
		w->client_fd = -1;
		w->client_ended = true;
	}
	for (unsigned i = 0; i < WORLD_CONNECTIONS; i++)
		if (fds[2 + i].revents != 0)
			serve_origin(w, &w->origins[i]);
	if (fds[1].revents != 0)
		accept_origin(w);
	return true;
}

/* What has been sent is all; the proxy may still read it. */
static void
end_origins(const struct world *w)
{
	for (unsigned i = 0; i < WORLD_CONNECTIONS; i++)
		if (w->origins[i].fd >= 0)
			shutdown(w->origins[i].fd, SHUT_WR);
}

static void
send_piece(struct world *w, const char *bytes, size_t len)
{
	while (len > 0 && w->client_fd >= 0) {
		ssize_t n = send(w->client_fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (!turn(w, 100)) {
			break; /* it reads no more of this */
		}
	}
	while (w->client_fd >= 0 && turn(w, QUIET_MS))
		continue;
}

void
world_run(struct world *w)
{
	int64_t began = now_ms();
	size_t cut = w->cut < w->client_len ? w->cut : 0;

	w->answered.len = 0;
	w->requests = 0;
	w->client_ended = false;
	w->secret = w->secret * 1664525 + 1013904223;
	for (unsigned i = 0; i < WORLD_CONNECTIONS; i++)
		w->origins[i].fd = -1;
	w->client_fd = connect_as_client();
	send_piece(w, w->client, cut);
	send_piece(w, w->client + cut, w->client_len - cut);
	while (w->client_fd >= 0 && w->is_answered != NULL && !w->is_answered(w) &&
	    now_ms() - began < TOO_LONG_MS / 2)
		turn(w, PATIENCE_MS);
	if (w->client_fd >= 0)
		shutdown(w->client_fd, SHUT_WR);
	while (w->client_fd >= 0) {
		if (!turn(w, PATIENCE_MS))
			end_origins(w);
		must(now_ms() - began < TOO_LONG_MS, "a connection that has ended is closed");
	}
	for (unsigned i = 0; i < WORLD_CONNECTIONS; i++) {
		if (w->origins[i].fd >= 0)
			close_origin(&w->origins[i]);
		free(w->origins[i].got.at);
		w->origins[i].got.at = NULL;
	}
}
