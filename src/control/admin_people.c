/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin_people.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "control/admin_reply.h"
#include "control/desk.h"
#include "control/journal.h"
#include "control/wish_store.h"
#include "steer/wish.h"

#define EXPLAIN "/v1/explain/"

enum { JOURNAL_LIMIT = 100, PASSWD_BYTES = 4096 };

/* ---- the journal ---- */

/* Digits only; false: there is something else. Absent leaves the number as it is. */
static bool
number_param(const struct evkeyvalq *query, const char *key, uint64_t *number)
{
	const char *text = evhttp_find_header(query, key);
	char *end;

	if (text == NULL)
		return true;
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static void
serve_journal(const struct admin_people *p, struct evhttp_request *req)
{
	const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
	uint64_t since = UINT64_MAX, limit = JOURNAL_LIMIT;
	struct evkeyvalq query = { 0 };
	bool sound;

	sound = text == NULL || evhttp_parse_query_str(text, &query) == 0;
	sound =
	    sound && number_param(&query, "since", &since) && number_param(&query, "limit", &limit);
	evhttp_clear_headers(&query);
	if (!sound)
		admin_reply_text(req, 400, "since and limit are numbers\n");
	else
		admin_reply_json(req, 200,
		    journal_json(p->journal, since, limit < JOURNAL_KEPT ? (unsigned)limit : 0));
}

/* ---- explanations ---- */

static json_t *
sentences_of(const char *text)
{
	json_t *list = json_array();

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		json_t *sentence = json_stringn(text, len);

		json_array_append_new(
		    list, sentence != NULL ? sentence : json_string("(not UTF-8)"));
		text += len;
		text += *text == '\n';
	}
	return list;
}

/* The sentences end in a newline each, the reasons for having none do not. */
static void
reply_reason(struct evhttp_request *req, int status, const char *text)
{
	char *line = mem_printf("%s\n", text);

	admin_reply_text(req, status, line);
	mem_free(line);
}

static void
on_explained(void *arg, const struct desk_answer *a)
{
	struct evhttp_request *req = arg;
	json_t *json;

	switch (a->verdict) {
	case DESK_YES:
		json = json_object();
		json_object_set_new(json, "sentences", sentences_of(a->text));
		admin_reply_json(req, 200, json);
		return;
	case DESK_UNKNOWN:
		reply_reason(req, 404, a->text);
		return;
	case DESK_LATE:
	case DESK_REFUSED:
		reply_reason(req, 504, "the control thread did not answer in time");
		return;
	}
}

static void
serve_explain(const struct admin_people *p, struct evhttp_request *req, const char *path)
{
	struct desk_question q = { .kind = DESK_EXPLAIN };
	size_t len;
	char *name = evhttp_uridecode(path + strlen(EXPLAIN), 0, &len);

	if (name == NULL || len >= sizeof q.service || strlen(name) != len) {
		reply_reason(req, 404, "there is no such service, for its name would be too long");
	} else {
		memcpy(q.service, name, len + 1);
		desk_ask(p->desk, &q, on_explained, req);
	}
	free(name);
}

/* ---- wishes ---- */

static const char *
user_name(uid_t uid, char *buf, size_t size)
{
	char room[PASSWD_BYTES];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 && found != NULL)
		snprintf(buf, size, "%s", entry.pw_name);
	else
		snprintf(buf, size, "uid %u", (unsigned)uid);
	return buf;
}

/* Whom the kernel says is asking; "" when it does not say. */
static void
find_peer(struct evhttp_request *req, char *buf, size_t size)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(req);
	struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
	struct ucred peer;
	socklen_t len = sizeof peer;

	buf[0] = '\0';
	if (getsockopt(bufferevent_getfd(stream), SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		user_name(peer.uid, buf, size);
}

/* What is sent with POST. */
struct wanted {
	struct wish wish;
	char overridden[WISH_TEXT];
	uint64_t for_ms;
};

/* A name that is given stands for a person; that somebody else typed it is kept beside it. */
static bool
set_owner(struct wish *w, const char *given, const char *peer)
{
	int len;

	if (given == NULL || given[0] == '\0' || strcmp(given, peer) == 0)
		return copy_text(w->owner, sizeof w->owner, peer);
	len = snprintf(w->owner, sizeof w->owner, "%s (as %s)", given, peer);
	return len < (int)sizeof w->owner;
}

static const char *
decode(json_t *json, const char *peer, struct wanted *w)
{
	const char *kind, *service = NULL, *region = NULL, *owner = NULL, *reason = NULL,
			  *overridden = NULL;
	double seconds = 0;

	if (json_unpack(json, "{s:s, s?s, s?s, s?F, s?s, s?s, s?F, s?s !}", "wish", &kind,
		"service", &service, "region", &region, "share", &w->wish.share, "owner", &owner,
		"reason", &reason, "for_s", &seconds, "override", &overridden) != 0)
		return "keys are wish, service, region, share, owner, reason, for_s and override";
	if (!wish_parse(kind, &w->wish.kind))
		return "a wish is evacuate, freeze or pin";
	/* what would not be obeyed must not look as if it were */
	if ((w->wish.kind == WISH_EVACUATE && service != NULL) ||
	    (w->wish.kind == WISH_FREEZE && region != NULL))
		return "a region is evacuated for all services, a service is frozen in all regions";
	if (!(seconds >= 0 && seconds * 1000 <= (double)WISH_MAX_MS))
		return "it may be for 72 hours at most";
	w->for_ms = (uint64_t)(seconds * 1000);
	if (!copy_text(w->wish.service, sizeof w->wish.service, service) ||
	    !copy_text(w->wish.region, sizeof w->wish.region, region) ||
	    !copy_text(w->overridden, sizeof w->overridden, overridden))
		return "a name is too long";
	if (!set_owner(&w->wish, owner, peer))
		return "the owner's name is too long";
	if (!copy_text(w->wish.reason, sizeof w->wish.reason, reason))
		return "the reason is longer than 199 bytes";
	return NULL;
}

/* NULL: it is wanted what w says; else why not. */
static const char *
read_wanted(struct evhttp_request *req, struct wanted *w)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);
	const unsigned char *bytes = evbuffer_pullup(body, -1);
	char peer[WISH_NAME];
	const char *wrong;
	json_t *json;

	find_peer(req, peer, sizeof peer);
	json = len > 0 ? json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (json == NULL)
		return "the body must be a JSON object";
	wrong = decode(json, peer, w);
	json_decref(json);
	return wrong;
}

static void
reply_wish(struct evhttp_request *req, const struct wish_reply *r)
{
	static const struct {
		const char *word;
		int status;
	} results[] = {
		[WISH_DONE] = { "done", 200 },
		[WISH_WRONG] = { "wrong", 400 },
		[WISH_REFUSED] = { "refused", 409 },
		[WISH_NOT_ANSWERED] = { "not_answered", 504 },
	};
	json_t *json = json_object(), *text = json_string(r->text);

	json_object_set_new(json, "result", json_string(results[r->result].word));
	if (r->rule[0] != '\0')
		json_object_set_new(json, "rule", json_string(r->rule));
	json_object_set_new(json, "text", text != NULL ? text : json_string("(not UTF-8)"));
	admin_reply_json(req, results[r->result].status, json);
}

static void
on_made(void *arg, const struct wish_reply *r)
{
	reply_wish(arg, r);
}

static void
refuse_wish(struct evhttp_request *req, const char *why)
{
	struct wish_reply *r = mem_new(sizeof *r);

	r->result = WISH_WRONG;
	snprintf(r->text, sizeof r->text, "%s", why);
	reply_wish(req, r);
	mem_free(r);
}

static void
make_wish(const struct admin_people *p, struct evhttp_request *req)
{
	struct wanted w = { .for_ms = 0 };
	const char *wrong = read_wanted(req, &w);

	if (wrong != NULL)
		refuse_wish(req, wrong);
	else
		wish_store_make(p->wishes, &w.wish, w.for_ms, w.overridden, on_made, req);
}

static void
end_wish(const struct admin_people *p, struct evhttp_request *req)
{
	struct wanted w = { .for_ms = 0 };
	const char *wrong = read_wanted(req, &w);

	if (wrong != NULL)
		refuse_wish(req, wrong);
	else
		wish_store_end(p->wishes, &w.wish, on_made, req);
}

static void
list_wishes(const struct admin_people *p, struct evhttp_request *req)
{
	admin_reply_json(req, 200, wish_store_json(p->wishes));
}

/* ---- paths ---- */

typedef void page_fn(const struct admin_people *, struct evhttp_request *);

static const struct {
	const char *path;
	page_fn *get, *post; /* NULL: not allowed */
} pages[] = {
	{ "/v1/journal", serve_journal, NULL },
	{ "/v1/wishes", list_wishes, make_wish },
	{ "/v1/wishes/end", NULL, end_wish },
};

static void
reply_method(struct evhttp_request *req, const char *allowed)
{
	char *text = mem_printf("only %s is served here\n", allowed);

	evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", allowed);
	admin_reply_text(req, 405, text);
	mem_free(text);
}

static void
serve_page(const struct admin_people *p, struct evhttp_request *req, size_t page, bool local)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	if (method == EVHTTP_REQ_GET && pages[page].get != NULL)
		pages[page].get(p, req);
	else if (method == EVHTTP_REQ_POST && pages[page].post != NULL && local)
		pages[page].post(p, req);
	else if (method == EVHTTP_REQ_POST && pages[page].post != NULL)
		admin_reply_text(
		    req, 403, "nothing can be changed over TCP: use the admin socket\n");
	else if (pages[page].post == NULL)
		reply_method(req, "GET");
	else
		reply_method(req, pages[page].get != NULL ? "GET, POST" : "POST");
}

bool
admin_people_serve(const struct admin_people *p, struct evhttp_request *req, bool local)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));

	if (path == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (strcmp(path, pages[i].path) == 0) {
			serve_page(p, req, i, local);
			return true;
		}
	}
	if (strncmp(path, EXPLAIN, strlen(EXPLAIN)) != 0)
		return false;
	if (evhttp_request_get_command(req) == EVHTTP_REQ_GET)
		serve_explain(p, req, path);
	else
		reply_method(req, "GET");
	return true;
}
