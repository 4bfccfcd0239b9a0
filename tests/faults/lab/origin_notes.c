/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, through a tunnel of WebSocket's or as a TCP service: each answered in its turn. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "note.h"
#include "origin.h"

struct notes {
	struct asker asker;
	struct bufferevent *bev;
	struct note in;
	bool framed;
	struct work *work; /* what it waits for */
	bool ends;         /* when all is written */
	bool resets;       /* and by RST */
	bool deaf;         /* it will never answer again */
	LIST_ENTRY(notes) next;
};

static LIST_HEAD(, notes) all = LIST_HEAD_INITIALIZER(all);

static void
notes_free(struct notes *c, bool reset)
{
	if (c->work != NULL)
		c->work->asker = NULL;
	LIST_REMOVE(c, next);
	origin_end(c->bev, reset);
	free(c);
}

/* Reads the next one, if none is being worked on. May free it. */
static void
serve(struct notes *c)
{
	if (c->work != NULL || c->ends || c->deaf)
		return;
	switch (note_read(&c->in, bufferevent_get_input(c->bev))) {
	case NOTE_DONE:
		break;
	case NOTE_BAD:
		notes_free(c, true);
		return;
	default:
		return;
	}
	c->work = work_new(
	    &c->asker, "MSG", strncmp(c->in.id, "healthz", 7) == 0 ? "/healthz" : "", c->in.id);
	c->work->answer_bytes = c->in.answer_bytes;
	if (!c->work->health) {
		origin_log("seen", "MSG", c->in.id, "-");
		origin_log("run", "MSG", c->in.id, c->in.body.good ? "good" : "bad");
	}
	note_begin(&c->in, c->framed);
	work_begin(c->work);
}

static void
answer(struct asker *asker, const struct work *w, enum deed deed, unsigned arg)
{
	struct notes *c = (struct notes *)asker;
	struct evbuffer *out = bufferevent_get_output(c->bev);

	(void)arg;
	c->work = NULL;
	switch ((int)deed) {
	case DEED_CLOSE:
	case DEED_RESET:
		notes_free(c, deed == DEED_RESET);
		return;
	case DEED_HANG:
	case DEED_HALF:
		c->deaf = true;
		if (deed == DEED_HALF)
			shutdown(bufferevent_getfd(c->bev), SHUT_WR);
		return;
	case DEED_CUT:
	case DEED_CUT_RESET:
		note_answer_half(out, c->framed, w->id, origin.name, w->answer_bytes);
		c->ends = true;
		c->resets = deed == DEED_CUT_RESET;
		return;
	default:
		note_answer(out, c->framed, w->id, origin.name, w->answer_bytes);
		c->ends = deed == DEED_BYE;
	}
	serve(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct notes *c = arg;

	if (c->ends && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		notes_free(c, c->resets);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		notes_free(arg, false);
}

static void
begin(struct bufferevent *bev, bool framed)
{
	struct notes *c = calloc(1, sizeof *c);

	if (c == NULL)
		abort();
	c->asker.answer = answer;
	c->bev = bev;
	c->framed = framed;
	note_begin(&c->in, framed);
	LIST_INSERT_HEAD(&all, c, next);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	serve(c);
}

void
notes_begin(struct bufferevent *bev)
{
	begin(bev, true);
}

static void
accept_notes(int fd)
{
	begin(origin_stream(fd), false);
}

static void
end_idle(bool reset)
{
	struct notes *c = LIST_FIRST(&all);

	while (c != NULL) {
		struct notes *next = LIST_NEXT(c, next);

		if (c->work == NULL && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
			notes_free(c, reset);
		c = next;
	}
}

const struct tongue tongue_notes = {
	.name = "notes", .accept = accept_notes, .end_idle = end_idle
};
