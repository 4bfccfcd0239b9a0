/* SPDX-License-Identifier: Apache-2.0 */
#include "control/desk.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "control/judge.h"

/*
 * What lies on the desk for control. Whoever posts a newer one takes over what was not yet taken,
 * so that no restore and no question is lost.
 */
struct post {
	bool has_wishes;
	struct wishes wishes;
	char restored[WISHES_MAX][WISH_NAME];
	unsigned restored_count;
	uint64_t question_id; /* 0: none */
	struct desk_question question;
};

struct reply {
	uint64_t question_id;
	struct desk_answer answer;
};

/* A question on main's side: waiting for its turn, or put. */
struct asked {
	struct list node; /* in desk.asked, oldest first; the first one is put */
	uint64_t id;
	struct desk_question question;
	desk_answer_fn *answered;
	void *arg;
};

struct desk {
	struct mailbox *posts;   /* of struct post, main to control */
	struct mailbox *replies; /* of struct reply, control to main */

	/* control's */
	struct wishes wishes;
	char restored[WISHES_MAX][WISH_NAME];
	unsigned restored_count, restored_told;

	/* main's */
	struct event *reply_event; /* NULL until it is open */
	struct event *deadline;
	struct list asked;
	uint64_t put_id; /* 0: none is put */
	uint64_t next_id;
	bool closed; /* nothing is put any more */
};

struct desk *
desk_new(void)
{
	struct desk *d = mem_new(sizeof *d);

	d->posts = mailbox_new();
	d->replies = mailbox_new();
	list_init(&d->asked);
	d->next_id = 1;
	return d;
}

void
desk_free(struct desk *d)
{
	if (d == NULL)
		return;
	desk_close(d);
	mem_free(mailbox_take(d->posts));
	mem_free(mailbox_take(d->replies));
	mailbox_free(d->posts);
	mailbox_free(d->replies);
	mem_free(d);
}

/* ---- control ---- */

int
desk_fd(const struct desk *d)
{
	return mailbox_fd(d->posts);
}

const struct wishes *
desk_wishes(const struct desk *d)
{
	return &d->wishes;
}

const char *
desk_restored(struct desk *d)
{
	return d->restored_told < d->restored_count ? d->restored[d->restored_told++] : NULL;
}

/* True when there is room for one more name; a name that waits already is not told twice. */
static void
add_restored(char (*list)[WISH_NAME], unsigned *count, const char *region)
{
	for (unsigned i = 0; i < *count; i++) {
		if (strcmp(list[i], region) == 0)
			return;
	}
	if (*count < WISHES_MAX)
		snprintf(list[(*count)++], WISH_NAME, "%s", region);
}

/* Those that were told make room. */
static void
take_restored(struct desk *d, const struct post *p)
{
	unsigned left = d->restored_count - d->restored_told;

	memmove(d->restored, d->restored + d->restored_told, left * sizeof d->restored[0]);
	d->restored_told = 0;
	d->restored_count = left;
	for (unsigned i = 0; i < p->restored_count; i++)
		add_restored(d->restored, &d->restored_count, p->restored[i]);
}

static void
answer(struct desk *d, const struct post *p, const struct desk_world *world)
{
	struct reply *r = mem_new(sizeof *r);

	r->question_id = p->question_id;
	switch (p->question.kind) {
	case DESK_EXPLAIN:
		judge_explain(world, &d->wishes, p->question.service, &r->answer);
		break;
	case DESK_JUDGE:
		judge_wish(world, &d->wishes, &p->question, &r->answer);
		break;
	case DESK_WAITS:
		judge_waits(world, p->question.wish.region, &r->answer);
		break;
	}
	/* what main has not taken is an answer it no longer waits for */
	mem_free(mailbox_post(d->replies, r));
}

void
desk_serve(struct desk *d, const struct desk_world *world)
{
	struct post *p = mailbox_take(d->posts);

	if (p == NULL)
		return;
	if (p->has_wishes)
		d->wishes = p->wishes;
	take_restored(d, p);
	if (p->question_id != 0)
		answer(d, p, world);
	mem_free(p);
}

/* ---- main ---- */

static void
merge(struct post *newer, const struct post *untaken)
{
	if (!newer->has_wishes && untaken->has_wishes) {
		newer->has_wishes = true;
		newer->wishes = untaken->wishes;
	}
	for (unsigned i = 0; i < untaken->restored_count; i++)
		add_restored(newer->restored, &newer->restored_count, untaken->restored[i]);
	if (newer->question_id == 0) {
		newer->question_id = untaken->question_id;
		newer->question = untaken->question;
	}
}

/*
 * Takes back what was not taken, adds it to the new one and posts that; when control is quicker it
 * has had the older one by itself.
 */
static void
post(struct desk *d, struct post *p)
{
	struct post *untaken = mailbox_take(d->posts);

	if (untaken != NULL)
		merge(p, untaken);
	mem_free(untaken);
	mem_free(mailbox_post(d->posts, p));
}

void
desk_post_wishes(struct desk *d, const struct wishes *wishes, const char *restored)
{
	struct post *p = mem_new(sizeof *p);

	p->has_wishes = true;
	p->wishes = *wishes;
	if (restored != NULL)
		add_restored(p->restored, &p->restored_count, restored);
	post(d, p);
}

static struct asked *
first_asked(const struct desk *d)
{
	return container_of(d->asked.next, struct asked, node);
}

static void
put_next(struct desk *d)
{
	static const struct timeval limit = { .tv_sec = DESK_DEADLINE_MS / 1000,
		.tv_usec = DESK_DEADLINE_MS % 1000 * 1000 };
	struct asked *a;
	struct post *p;

	if (d->closed || d->put_id != 0 || list_empty(&d->asked))
		return;
	a = first_asked(d);
	p = mem_new(sizeof *p);
	p->question_id = a->id;
	p->question = a->question;
	d->put_id = a->id;
	if (event_add(d->deadline, &limit) != 0)
		log_error("cannot start the deadline of a question to the control thread");
	post(d, p);
}

static void
finish(struct desk *d, const struct desk_answer *answer)
{
	struct asked *a = first_asked(d);

	d->put_id = 0;
	if (d->deadline != NULL)
		event_del(d->deadline);
	list_unlink(&a->node);
	a->answered(a->arg, answer);
	mem_free(a);
	put_next(d);
}

static void
on_reply(evutil_socket_t fd, short what, void *arg)
{
	struct desk *d = arg;
	struct reply *r = mailbox_take(d->replies);

	/* an answer that came too late answers nothing any more */
	if (r != NULL && r->question_id == d->put_id)
		finish(d, &r->answer);
	mem_free(r);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct desk_answer *late = mem_new(sizeof *late);

	late->verdict = DESK_LATE;
	finish(arg, late);
	mem_free(late);
}

void
desk_open(struct desk *d, struct event_base *base)
{
	d->reply_event = event_new(base, mailbox_fd(d->replies), EV_READ | EV_PERSIST, on_reply, d);
	d->deadline = evtimer_new(base, on_deadline, d);
	if (d->reply_event == NULL || d->deadline == NULL || event_add(d->reply_event, NULL) != 0) {
		log_error("cannot watch for answers of the control thread");
		abort();
	}
}

void
desk_ask(struct desk *d, const struct desk_question *q, desk_answer_fn *answered, void *arg)
{
	struct asked *a = mem_new(sizeof *a);

	a->id = d->next_id++;
	a->question = *q;
	a->answered = answered;
	a->arg = arg;
	list_append(&d->asked, &a->node);
	put_next(d);
}

bool
desk_is_quiet(const struct desk *d)
{
	return list_empty(&d->asked);
}

void
desk_close(struct desk *d)
{
	struct desk_answer *late = mem_new(sizeof *late);

	late->verdict = DESK_LATE;
	d->closed = true;
	while (!list_empty(&d->asked))
		finish(d, late);
	mem_free(late);
	if (d->reply_event != NULL)
		event_free(d->reply_event);
	if (d->deadline != NULL)
		event_free(d->deadline);
	d->reply_event = NULL;
	d->deadline = NULL;
}
