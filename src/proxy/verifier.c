// SPDX-License-Identifier: Apache-2.0
#include "proxy/verifier.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "conf/password.h"
#include "net/loop.h"

/* A slot goes FREE -> ASKED (worker) -> GOOD or BAD (thread) -> FREE (worker). */
enum { FREE, ASKED, GOOD, BAD };

struct slot {
	atomic_int state;
	char hash[VERIFIER_TEXT];
	char password[VERIFIER_TEXT];
};

struct verifier {
	struct slot slots[VERIFIER_SLOTS];
	atomic_bool stop;
	int asked_fd; /* counts questions; the thread sleeps on it */
	int told_fd; /* the worker hears of answers by it */
	struct event told;
	verified_fn *fn;
	void *arg;
	unsigned worker;
	pthread_t thread;
	bool started;
};

static void
signal_fd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
}

static void
verify(struct verifier *v, struct slot *s)
{
	bool good = password_matches(s->hash, s->password);

	OPENSSL_cleanse(s->password, sizeof s->password);
	atomic_store_explicit(&s->state, good ? GOOD : BAD, memory_order_release);
	signal_fd(v->told_fd);
}

static void *
run(void *arg)
{
	struct verifier *v = arg;
	uint64_t count;

	/* Linux: of this thread alone. Who guesses passwords must not slow down who is served. */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	while (!atomic_load_explicit(&v->stop, memory_order_acquire)) {
		if (read(v->asked_fd, &count, sizeof count) < 0 && errno != EINTR)
			return NULL;
		for (unsigned i = 0; i < VERIFIER_SLOTS; i++) {
			struct slot *s = &v->slots[i];

			if (atomic_load_explicit(&v->stop, memory_order_acquire))
				return NULL;
			if (atomic_load_explicit(&s->state, memory_order_acquire) == ASKED)
				verify(v, s);
		}
	}
	return NULL;
}

static void
on_told(evutil_socket_t fd, short what, void *arg)
{
	struct verifier *v = arg;
	uint64_t count;

	if (read(v->told_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
	for (unsigned i = 0; i < VERIFIER_SLOTS; i++) {
		struct slot *s = &v->slots[i];
		int state = atomic_load_explicit(&s->state, memory_order_acquire);

		if (state != GOOD && state != BAD)
			continue;
		atomic_store_explicit(&s->state, FREE, memory_order_relaxed);
		v->fn(v->arg, i, state == GOOD);
	}
}

struct verifier *
verifier_new(struct loop *loop, unsigned worker, verified_fn *fn, void *arg)
{
	struct verifier *v = mem_new(sizeof *v);

	v->fn = fn;
	v->arg = arg;
	v->worker = worker;
	v->asked_fd = eventfd(0, EFD_CLOEXEC);
	v->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->asked_fd < 0 || v->told_fd < 0) {
		log_error("eventfd: %s", strerror(errno));
		if (v->asked_fd >= 0)
			close(v->asked_fd);
		if (v->told_fd >= 0)
			close(v->told_fd);
		mem_free(v);
		return NULL;
	}
	event_assign(&v->told, loop->base, v->told_fd, EV_READ | EV_PERSIST, on_told, v);
	event_add(&v->told, NULL);
	return v;
}

void
verifier_free(struct verifier *v)
{
	if (v == NULL)
		return;
	atomic_store_explicit(&v->stop, true, memory_order_release);
	if (v->started) {
		signal_fd(v->asked_fd);
		pthread_join(v->thread, NULL);
	}
	event_del(&v->told);
	close(v->asked_fd);
	close(v->told_fd);
	OPENSSL_cleanse(v->slots, sizeof v->slots);
	mem_free(v);
}

static bool
start(struct verifier *v)
{
	char name[16];
	int err;

	snprintf(name, sizeof name, "verify-%u", v->worker);
	err = thread_start(&v->thread, name, run, v);
	if (err != 0)
		log_error("cannot start %s: %s", name, strerror(err));
	v->started = err == 0;
	return v->started;
}

static void
copy(char out[VERIFIER_TEXT], struct slice s)
{
	size_t len = s.len < VERIFIER_TEXT - 1 ? s.len : VERIFIER_TEXT - 1;

	memcpy(out, s.at, len);
	out[len] = '\0';
}

int
verifier_ask(struct verifier *v, struct slice hash, struct slice password)
{
	if (!v->started && !start(v))
		return -1;
	for (int i = 0; i < VERIFIER_SLOTS; i++) {
		struct slot *s = &v->slots[i];

		if (atomic_load_explicit(&s->state, memory_order_acquire) != FREE)
			continue;
		copy(s->hash, hash);
		copy(s->password, password);
		atomic_store_explicit(&s->state, ASKED, memory_order_release);
		signal_fd(v->asked_fd);
		return i;
	}
	return -1;
}
