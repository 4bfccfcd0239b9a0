/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "msg.h"
#include "origin.h"

struct h1_link {
	struct asker asker;
	struct bufferevent *bev;
	struct msg in;
	struct work *work;      /* what it waits for */
	bool upgrades;          /* and asks to leave HTTP */
	char key[32];           /* with this Sec-WebSocket-Key */
	bool seen;              /* the request's head is in the log */
	bool ends;              /* when all is written */
	bool resets;            /* and by RST */
	bool deaf;              /* it will never answer again */
	struct evbuffer *drops; /* trickles from here, one byte at a time */
	struct event *drip;
	struct timeval pace;
	LIST_ENTRY(h1_link) next;
};

static LIST_HEAD(, h1_link) links = LIST_HEAD_INITIALIZER(links);

static void serve(struct h1_link *);

static void
link_free(struct h1_link *c, bool reset)
{
	if (c->work != NULL)
		c->work->asker = NULL;
	if (c->drip != NULL)
		event_free(c->drip);
	if (c->drops != NULL)
		evbuffer_free(c->drops);
	LIST_REMOVE(c, next);
	if (c->bev != NULL)
		origin_end(c->bev, reset);
	free(c);
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct h1_link *c = arg;

	if (c->ends && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		link_free(c, c->resets);
}

static void
on_drip(evutil_socket_t fd, short what, void *arg)
{
	struct h1_link *c = arg;
	char byte;

	(void)fd, (void)what;
	if (evbuffer_remove(c->drops, &byte, 1) == 1) {
		bufferevent_write(c->bev, &byte, 1);
		event_add(c->drip, &c->pace);
	}
}

static void
trickle(struct h1_link *c, struct evbuffer *answer, unsigned ms)
{
	if (c->drops == NULL)
		c->drops = evbuffer_new();
	if (c->drip == NULL)
		c->drip = event_new(origin.base, -1, 0, on_drip, c);
	if (c->drops == NULL || c->drip == NULL)
		abort();
	c->pace.tv_sec = ms / 1000;
	c->pace.tv_usec = ms % 1000 * 1000;
	evbuffer_add_buffer(c->drops, answer);
	event_add(c->drip, &c->pace);
}

/* bytes of body are written, of those that the head tells of. */
static void
write_answer(struct evbuffer *out, const struct work *w, unsigned status, size_t bytes)
{
	evbuffer_add_printf(out,
	    "HTTP/1.1 %u Whatever\r\nX-Origin: %s\r\nContent-Type: text/plain\r\n"
	    "Content-Length: %u\r\n",
	    status, origin.name, w->answer_bytes);
	if (status == 503)
		evbuffer_add_printf(out, "Retry-After: 1\r\n");
	evbuffer_add(out, "\r\n", 2);
	if (strcmp(w->method, "HEAD") != 0)
		pattern_write(out, w->id, bytes);
}

static void
write_chunks(struct evbuffer *out, const struct work *w, size_t bytes)
{
	evbuffer_add_printf(out,
	    "HTTP/1.1 200 Whatever\r\nX-Origin: %s\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
	    origin.name, bytes);
	pattern_write(out, w->id, bytes);
	evbuffer_add(out, "\r\n", 2);
}

static void
write_oversize(struct evbuffer *out)
{
	evbuffer_add_printf(out, "HTTP/1.1 200 Whatever\r\nX-Much: ");
	for (int i = 0; i < 200 * 1024 / 16; i++)
		evbuffer_add(out, "0123456789abcdef", 16);
	evbuffer_add(out, "\r\n\r\n", 4);
}

/* RFC 6455, section 4.2.2: that it was read is shown by a hash of it. */
static void
accept_key(const char *key, char out[29])
{
	char text[96];
	unsigned char hash[SHA_DIGEST_LENGTH];
	int len = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);

	SHA1((const unsigned char *)text, (size_t)len, hash);
	EVP_EncodeBlock((unsigned char *)out, hash, sizeof hash);
}

/* From here on they are others' bytes. */
static void
grant_upgrade(struct h1_link *c)
{
	struct bufferevent *bev = c->bev;
	char accept[29];

	accept_key(c->key, accept);
	evbuffer_add_printf(bufferevent_get_output(bev),
	    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Accept: %s\r\nX-Origin: %s\r\n\r\n",
	    accept, origin.name);
	c->bev = NULL;
	link_free(c, false);
	notes_begin(bev);
}

static void
answer(struct asker *asker, const struct work *w, enum deed deed, unsigned arg)
{
	struct h1_link *c = (struct h1_link *)asker;
	struct evbuffer *out;

	c->work = NULL;
	if (c->upgrades && (deed == DEED_OK || deed == DEED_SLOW)) {
		grant_upgrade(c);
		return;
	}
	if ((out = evbuffer_new()) == NULL)
		abort();
	c->deaf = c->ends = false;
	switch (deed) {
	case DEED_OK:
	case DEED_SLOW:
	case DEED_TRICKLE:
	case DEED_EXTRA:
	case DEED_BYE:
		write_answer(out, w, 200, w->answer_bytes);
		break;
	case DEED_STATUS:
		write_answer(out, w, arg, w->answer_bytes);
		break;
	case DEED_CUT:
	case DEED_CUT_RESET:
	case DEED_STALL:
		write_answer(out, w, 200, w->answer_bytes / 2);
		break;
	case DEED_CUT_CHUNK:
		write_chunks(out, w, w->answer_bytes / 2);
		break;
	case DEED_GARBAGE:
		evbuffer_add_printf(out, "SSH-2.0-OpenSSH_9.2 is what you asked for?\r\n\r\n");
		break;
	case DEED_OVERSIZE:
		write_oversize(out);
		break;
	case DEED_HANG:
	case DEED_CLOSE:
	case DEED_RESET:
	case DEED_HALF:
	case DEED_STREAM_RESET:
	case DEED_REFUSE:
	case DEED_GOAWAY:
	case DEED_SHUT:
	case DEED_COUNT:
		break;
	}
	if (deed == DEED_EXTRA)
		evbuffer_add_printf(out, "HTTP/1.1 200 Smuggled\r\nContent-Length: 5\r\n\r\nwrong");
	if (deed == DEED_TRICKLE)
		trickle(c, out, arg);
	else
		bufferevent_write_buffer(c->bev, out);
	evbuffer_free(out);
	if (deed == DEED_HANG || deed == DEED_HALF || deed == DEED_STALL)
		c->deaf = true;
	if (deed == DEED_HALF)
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	if (deed == DEED_RESET || deed == DEED_CLOSE) {
		link_free(c, deed != DEED_CLOSE);
		return;
	}
	c->resets = deed == DEED_CUT_RESET;
	c->ends = c->resets || deed == DEED_CUT || deed == DEED_CUT_CHUNK || deed == DEED_GARBAGE ||
	    deed == DEED_OVERSIZE || deed == DEED_BYE;
	serve(c);
}

static void
begin_work(struct h1_link *c)
{
	struct work *w = work_new(&c->asker, c->in.method, c->in.target, c->in.id);

	c->work = w;
	c->upgrades = c->in.upgrades;
	memcpy(c->key, c->in.key, sizeof c->key);
	if (!w->health)
		origin_log("run", w->method, w->id, c->in.body.good ? "good" : "bad");
	msg_begin(&c->in, false, NULL);
	c->seen = false;
	work_begin(w);
}

/* Reads the next request, if none is being worked on. May free the link. */
static void
serve(struct h1_link *c)
{
	enum msg_state state;

	if (c->work != NULL || c->ends)
		return;
	state = msg_read(&c->in, bufferevent_get_input(c->bev));
	if (state != MSG_HEAD && !c->seen && strncmp(c->in.target, "/healthz", 8) != 0) {
		c->seen = true;
		origin_log("seen", c->in.method, *c->in.id != '\0' ? c->in.id : "-", "-");
	}
	if (state == MSG_DONE && !c->deaf)
		begin_work(c);
	else if (state == MSG_BAD)
		link_free(c, true);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		link_free(arg, false);
}

static void
accept_link(int fd)
{
	struct h1_link *c = calloc(1, sizeof *c);

	if (c == NULL)
		abort();
	c->asker.answer = answer;
	msg_begin(&c->in, false, NULL);
	c->bev = origin_stream(fd);
	LIST_INSERT_HEAD(&links, c, next);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void
end_idle(bool reset)
{
	struct h1_link *c = LIST_FIRST(&links);

	while (c != NULL) {
		struct h1_link *next = LIST_NEXT(c, next);

		if (c->work == NULL && !c->in.begun &&
		    evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
			link_free(c, reset);
		c = next;
	}
}

const struct tongue tongue_h1 = { .name = "h1", .accept = accept_link, .end_idle = end_idle };
