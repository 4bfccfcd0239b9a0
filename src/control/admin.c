/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/topology.h"
#include "control/admin_people.h"
#include "control/admin_reply.h"
#include "control/desk.h"
#include "control/metrics.h"
#include "control/status.h"
#include "control/view.h"
#include "net/socket.h"

enum {
	BACKLOG = 64,
	TIMEOUT_S = 15,
	PAUSE_MS = 100, /* after an accept without a descriptor, and until we look again */
	MAX_HEADERS_BYTES = 16 * 1024,
	MAX_BODY_BYTES = 64 * 1024,
};

struct admin {
	admin_view_fn *view;
	void *arg;
	const struct admin_people *people; /* borrowed; NULL: those pages are not there */
	struct tally *tally;               /* owned */
	struct event *tick;                /* owned */
	struct event *look;                /* owned; NULL: there is no unix socket */
	struct evhttp *tcp;                /* owned, each with its listening socket; NULL: off */
	struct evhttp *local;
	struct evhttp_bound_socket *tcp_bound, *local_bound; /* of these; owned by them */
	struct event *resume;                                /* owned; accepting goes on */
	struct event *leave;                                 /* owned; see on_leave() */
	struct admin *next;                                  /* in admins */
	char tcp_text[64];
	char *socket_path; /* NULL: none of ours is there */
	char *made_dir;    /* NULL: it was there */
	dev_t socket_dev;  /* with socket_ino: what we bound, to tell it from a successor's */
	ino_t socket_ino;
};

static struct admin *admins; /* of this process; main's, like all they do */

static void
read_view(struct admin *a, struct view *v)
{
	*v = (struct view){ .table = NULL };
	a->view(a->arg, v);
	v->tally = a->tally;
	tally_observe_requests(a->tally, v->workers, v->worker_count);
	if (v->table != NULL)
		tally_observe(a->tally, v->table, v->now_ms);
}

static void
serve_status(struct admin *a, struct evhttp_request *req)
{
	struct view v;

	read_view(a, &v);
	admin_reply_json(req, 200, status_json(&v));
}

static void
serve_metrics(struct admin *a, struct evhttp_request *req)
{
	struct evbuffer *body = evbuffer_new();
	struct view v;

	read_view(a, &v);
	metrics_write(body, &v);
	admin_reply(req, 200, METRICS_CONTENT_TYPE, body);
	evbuffer_free(body);
}

static void
serve_livez(struct admin *a, struct evhttp_request *req)
{
	admin_reply_text(req, 200, "alive\n");
}

const char *
admin_readiness(const struct view *v, bool *ready)
{
	*ready = false;
	if (v->process.draining)
		return "draining: finishing what is in flight\n";
	if (!v->ready)
		return "starting: no routing table yet, names are being resolved\n";
	*ready = true;
	return "ready\n";
}

static void
serve_readyz(struct admin *a, struct evhttp_request *req)
{
	struct view v = { .table = NULL };
	const char *text;
	bool ready;

	a->view(a->arg, &v);
	text = admin_readiness(&v, &ready);
	admin_reply_text(req, ready ? 200 : 503, text);
}

static const struct {
	const char *path;
	void (*serve)(struct admin *, struct evhttp_request *);
} pages[] = {
	{ "/v1/status", serve_status },
	{ "/metrics", serve_metrics },
	{ "/livez", serve_livez },
	{ "/readyz", serve_readyz },
};

static void
serve(struct admin *a, struct evhttp_request *req, bool local)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));

	if (a->people != NULL && admin_people_serve(a->people, req, local))
		return;
	if (evhttp_request_get_command(req) != EVHTTP_REQ_GET) {
		evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "GET");
		admin_reply_text(req, 405, "only GET is served here\n");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (path != NULL && strcmp(path, pages[i].path) == 0) {
			pages[i].serve(a, req);
			return;
		}
	}
	admin_reply_text(req, 404,
	    "here are /v1/status, /v1/journal, /v1/explain/SERVICE, /v1/wishes, /metrics, /livez "
	    "and /readyz\n");
}

static void
on_tcp_request(struct evhttp_request *req, void *arg)
{
	serve(arg, req, false);
}

static void
on_local_request(struct evhttp_request *req, void *arg)
{
	serve(arg, req, true);
}

/* Keeps the windows of the tally short while nobody asks. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct view v;

	read_view(arg, &v);
}

static void
set_accepting(struct evhttp_bound_socket *bound, bool on)
{
	struct evconnlistener *l = bound != NULL ? evhttp_bound_socket_get_listener(bound) : NULL;

	if (l != NULL && on)
		evconnlistener_enable(l);
	else if (l != NULL)
		evconnlistener_disable(l);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct admin *a = arg;

	set_accepting(a->tcp_bound, true);
	set_accepting(a->local_bound, true);
}

/*
 * Out of descriptors: who waits in the kernel's queue would be announced over and over. evhttp
 * gives its listeners no argument but itself.
 */
static void
on_accept_error(struct evconnlistener *listener, void *http)
{
	static struct log_limit limit;
	struct timeval after = { .tv_usec = PAUSE_MS * 1000 };

	log_limited(&limit, LOG_LEVEL_WARN, "admin side: accept: %s; pausing for %d ms",
	    strerror(errno), PAUSE_MS);
	for (struct admin *a = admins; a != NULL; a = a->next) {
		if (a->tcp != http && a->local != http)
			continue;
		set_accepting(a->tcp_bound, false);
		set_accepting(a->local_bound, false);
		event_add(a->resume, &after);
	}
}

static struct evhttp_bound_socket *
accept_on(struct evhttp *http, int fd)
{
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(http, fd);

	if (bound != NULL)
		evconnlistener_set_error_cb(
		    evhttp_bound_socket_get_listener(bound), on_accept_error);
	return bound;
}

/* Takes the listening socket in any case. */
static struct evhttp *
serve_on(struct admin *a, struct event_base *base, int fd, bool local, struct error *error)
{
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound;

	if (http == NULL) {
		error_set(error, "cannot make an HTTP server for the admin side");
		close(fd);
		return NULL;
	}
	evhttp_set_timeout(http, TIMEOUT_S);
	evhttp_set_max_headers_size(http, MAX_HEADERS_BYTES);
	evhttp_set_max_body_size(http, MAX_BODY_BYTES);
	/* all that evhttp knows, so that a wrong one is told 405 and not 501 */
	evhttp_set_allowed_methods(http,
	    EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
		EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH | EVHTTP_REQ_TRACE |
		EVHTTP_REQ_CONNECT);
	evhttp_set_gencb(http, local ? on_local_request : on_tcp_request, a);
	bound = accept_on(http, fd);
	if (bound == NULL) {
		error_errno(error, "cannot serve on", "the admin socket");
		close(fd);
		evhttp_free(http);
		return NULL;
	}
	*(local ? &a->local_bound : &a->tcp_bound) = bound;
	return http;
}

static bool
open_tcp(
    struct admin *a, struct event_base *base, const struct conf_address *bind, struct error *error)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof bound;
	int fd;

	if (!socket_is_free(bind, error))
		return false;
	fd = socket_listen(bind, BACKLOG, error);
	if (fd < 0)
		return false;
	if (getsockname(fd, (struct sockaddr *)&bound, &len) == 0)
		socket_format((struct sockaddr *)&bound, a->tcp_text, sizeof a->tcp_text);
	a->tcp = serve_on(a, base, fd, false, error);
	return a->tcp != NULL;
}

static bool
is_ours(const struct admin *a)
{
	struct stat st;

	return stat(a->socket_path, &st) == 0 && st.st_dev == a->socket_dev &&
	    st.st_ino == a->socket_ino;
}

static bool
make_directory(struct admin *a, const char *path, struct error *error)
{
	const char *slash = strrchr(path, '/');
	char *dir;

	if (slash == NULL || slash == path)
		return true;
	dir = mem_strdup(path);
	dir[slash - path] = '\0';
	if (mkdir(dir, 0755) == 0) {
		a->made_dir = dir;
		return true;
	}
	if (errno == EEXIST) {
		mem_free(dir);
		return true;
	}
	error_errno(error, "cannot make the directory of the admin socket", dir);
	mem_free(dir);
	return false;
}

/* -1 with an error. */
static int
listen_at(struct admin *a, const char *path, struct error *error)
{
	struct conf_address address = { .len = sizeof(struct sockaddr_un), .text = path };
	struct sockaddr_un *un = (struct sockaddr_un *)&address.addr;
	struct stat st;
	mode_t mask;
	int fd;

	if (strlen(path) >= sizeof un->sun_path) {
		error_set(error, "admin socket %s: the path is longer than %zu bytes", path,
		    sizeof un->sun_path - 1);
		return -1;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	/* the mode must be right from the first moment; what other threads make is narrower still
	 */
	mask = umask(0117);
	fd = socket_listen(&address, BACKLOG, error);
	umask(mask);
	if (fd >= 0 && stat(path, &st) == 0) {
		if (a->socket_path == NULL)
			a->socket_path = mem_strdup(path);
		a->socket_dev = st.st_dev;
		a->socket_ino = st.st_ino;
	}
	return fd;
}

/* Whoever took the path from us may have died before it served; or a person removed it. */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct admin *a = arg;
	struct evhttp_bound_socket *bound;
	struct error error;
	int listening;

	if (is_ours(a))
		return;
	listening = listen_at(a, a->socket_path, &error);
	if (listening < 0) {
		log_debug("%s", error.text);
		return;
	}
	bound = accept_on(a->local, listening);
	if (bound == NULL) {
		close(listening);
		return;
	}
	evhttp_del_accept_socket(a->local, a->local_bound);
	a->local_bound = bound;
	log_warn("admin socket %s led nowhere; it leads here again", a->socket_path);
}

static bool
open_local(struct admin *a, struct event_base *base, const char *path, struct error *error)
{
	struct timeval every = { .tv_sec = 1 };
	int fd;

	if (!make_directory(a, path, error))
		return false;
	fd = listen_at(a, path, error);
	if (fd < 0)
		return false;
	a->local = serve_on(a, base, fd, true, error);
	if (a->local == NULL || a->socket_path == NULL)
		return a->local != NULL;
	a->look = event_new(base, -1, EV_PERSIST, on_look, a);
	if (a->look != NULL && event_add(a->look, &every) == 0)
		return true;
	error_set(error, "cannot start the admin side's timer");
	return false;
}

/* Who has asked over TCP and waits for control's answer holds a request of this evhttp. */
static void
on_leave(evutil_socket_t fd, short what, void *arg)
{
	struct timeval again = { .tv_usec = PAUSE_MS * 1000 };
	struct admin *a = arg;

	if (a->people != NULL && !desk_is_quiet(a->people->desk) &&
	    event_add(a->leave, &again) == 0)
		return;
	evhttp_free(a->tcp);
	a->tcp = NULL;
}

struct admin *
admin_new(struct event_base *base, const struct conf_admin *conf, admin_view_fn *view, void *arg,
    struct error *error)
{
	struct timeval every = { .tv_sec = TALLY_WINDOW_MS / 1000 };
	struct admin *a = mem_new(sizeof *a);

	a->view = view;
	a->arg = arg;
	a->tally = tally_new(clock_now_ms());
	a->next = admins;
	admins = a;
	a->resume = evtimer_new(base, on_resume, a);
	a->leave = evtimer_new(base, on_leave, a);
	if (a->resume == NULL || a->leave == NULL) {
		error_set(error, "cannot start the admin side's timer");
		goto fail;
	}
	if (conf->bind.len > 0 && !open_tcp(a, base, &conf->bind, error))
		goto fail;
	if (conf->socket[0] != '\0' && !open_local(a, base, conf->socket, error))
		goto fail;
	a->tick = event_new(base, -1, EV_PERSIST, on_tick, a);
	if (a->tick == NULL || event_add(a->tick, &every) != 0) {
		error_set(error, "cannot start the admin side's timer");
		goto fail;
	}
	return a;
fail:
	admin_free(a);
	return NULL;
}

void
admin_serve_people(struct admin *a, const struct admin_people *people)
{
	a->people = people;
}

bool
admin_has_successor(const struct admin *a)
{
	return a->socket_path != NULL && !is_ours(a) && access(a->socket_path, F_OK) == 0;
}

void
admin_leave(struct admin *a)
{
	if (a->look != NULL)
		event_free(a->look);
	a->look = NULL;
	if (a->tcp_bound == NULL)
		return;
	evhttp_del_accept_socket(a->tcp, a->tcp_bound);
	a->tcp_bound = NULL;
	on_leave(-1, 0, a);
}

static void
remove_socket(struct admin *a)
{
	if (is_ours(a) && unlink(a->socket_path) != 0)
		log_debug("admin socket %s stays behind: %s", a->socket_path, strerror(errno));
}

static void
forget(const struct admin *a)
{
	struct admin **at = &admins;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
}

void
admin_free(struct admin *a)
{
	forget(a);
	if (a->resume != NULL)
		event_free(a->resume);
	if (a->leave != NULL)
		event_free(a->leave);
	if (a->socket_path != NULL)
		remove_socket(a);
	if (a->look != NULL)
		event_free(a->look);
	if (a->tick != NULL)
		event_free(a->tick);
	if (a->tcp != NULL)
		evhttp_free(a->tcp);
	if (a->local != NULL)
		evhttp_free(a->local);
	tally_free(a->tally);
	mem_free(a->socket_path);
	mem_free(a->made_dir);
	mem_free(a);
}

bool
admin_give_to(struct admin *a, uid_t uid, gid_t gid, struct error *error)
{
	if (a->made_dir != NULL && chown(a->made_dir, uid, gid) != 0) {
		error_errno(error, "cannot give away", a->made_dir);
		return false;
	}
	if (a->socket_path != NULL && chown(a->socket_path, uid, gid) != 0) {
		error_errno(error, "cannot give away", a->socket_path);
		return false;
	}
	return true;
}

const char *
admin_bound_text(const struct admin *a)
{
	return a->tcp_text;
}
