/* SPDX-License-Identifier: Apache-2.0 */
#include "base/watchdog.h"

#include <errno.h>
#include <execinfo.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sanitized.h"
#include "base/thread.h"

enum {
	LOOK_MS = WATCHDOG_BEAT_MS,
	BEAT_US = WATCHDOG_BEAT_MS * 1000,
	LATE_MIN_US = 5000, /* less is a machine at work */
	FRAMES = 64,
	LAST_WORDS_MS = 1000, /* for the thread that stands still to say where */
};

static struct {
	pthread_mutex_t lock; /* of the list; never held by a loop that is watched */
	struct list beats;
	struct watchdog_setup setup;
	atomic_uint warning_ms, abort_ms;
	pthread_t thread;
	int stop_fd;
	bool runs;
	uint64_t alive_us; /* when we last said so */
} dog = { .lock = PTHREAD_MUTEX_INITIALIZER, .beats = LIST_INIT(dog.beats), .stop_fd = -1 };

static _Thread_local struct beat *mine; /* NULL: this thread is not watched */

void
watchdog_work(void)
{
	if (mine != NULL)
		atomic_store_explicit(&mine->works_us, clock_now_us(), memory_order_release);
}

void
watchdog_beat(struct beat *b)
{
	uint64_t now_us = clock_now_us();
	uint64_t due_us = atomic_load_explicit(&b->at_us, memory_order_relaxed) + BEAT_US;

	if (now_us > due_us + LATE_MIN_US &&
	    now_us - due_us > atomic_load_explicit(&b->late_us, memory_order_relaxed))
		atomic_store_explicit(&b->late_us, now_us - due_us, memory_order_relaxed);
	atomic_store_explicit(&b->at_us, now_us, memory_order_release);
}

bool
watchdog_watch(struct beat *b, struct watchdog_stalls *stalls)
{
	bool watched;

	pthread_mutex_lock(&dog.lock);
	watched = dog.runs;
	if (watched) {
		b->thread = pthread_self();
		b->thread_id = (int)syscall(SYS_gettid);
		b->stalls = stalls;
		atomic_store_explicit(&b->at_us, clock_now_us(), memory_order_relaxed);
		list_append(&dog.beats, &b->node);
		mine = b;
	}
	pthread_mutex_unlock(&dog.lock);
	return watched;
}

void
watchdog_forget(struct beat *b)
{
	pthread_mutex_lock(&dog.lock);
	list_unlink(&b->node);
	pthread_mutex_unlock(&dog.lock);
	mine = NULL;
}

/* ---- judging ---- */

/* Asked for late: whoever starts a thread names it only when it runs already. */
static const char *
name_of(const struct beat *b, char name[16])
{
	return pthread_getname_np(b->thread, name, 16) == 0 ? name : "a thread";
}

static uint64_t
less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Under a debugger or strace a thread may stand still while we run. */
static bool
is_traced(const struct beat *b)
{
	char path[64], line[128];
	bool traced = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/status", b->thread_id);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "TracerPid:", 10) == 0)
			traced = strtol(line + 10, NULL, 10) != 0;
	}
	fclose(f);
	return traced;
}

/* "123 (worker-0) R ...": ready to run, running or not; a name may hold anything. */
static bool
is_ready_to_run(const struct beat *b)
{
	char path[64], line[256];
	const char *end = NULL;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", b->thread_id);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(line, sizeof line, f) != NULL)
		end = strrchr(line, ')');
	fclose(f);
	return end != NULL && strncmp(end, ") R", 3) == 0;
}

static bool
ran_for(const struct beat *b, uint64_t *us)
{
	struct timespec t;
	clockid_t id;

	if (pthread_getcpuclockid(b->thread, &id) != 0 || clock_gettime(id, &t) != 0)
		return false;
	*us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	return true;
}

/*
 * Since the last look at a beat that is overdue: for how long the thread was kept from a processor.
 * Who is ready to run and is not let run does not stand still by what it does, and ending it would
 * help nobody: the next process would wait as well.
 */
static uint64_t
starved_us(struct beat *b, uint64_t now_us)
{
	uint64_t ran_us, since_us = b->looked_us, before_us = b->ran_us;

	if (!ran_for(b, &ran_us))
		return 0;
	b->looked_us = now_us;
	b->ran_us = ran_us;
	if (since_us == 0 || !is_ready_to_run(b))
		return 0;
	return less(now_us - since_us, ran_us - before_us);
}

/* Runs in the thread that stands still; what it calls needs no lock and no memory. */
static void
say_where(int signal_number)
{
	void *frames[FRAMES];
	int count = backtrace(frames, FRAMES);

	backtrace_symbols_fd(frames, count, STDERR_FILENO);
	raise(SIGABRT); /* the handler is gone: this one ends the process */
}

static void __attribute__((noreturn)) end_process(const struct beat *b, uint64_t stood_us)
{
	struct sigaction last_words = { .sa_handler = say_where,
		.sa_flags = (int)SA_RESETHAND | SA_NODEFER };
	char name[16];

	log_error("%s has been standing still for %" PRIu64
		  " ms: ending, for a supervisor to start "
		  "anew; it stands here:",
	    name_of(b, name), stood_us / 1000);
	sigaction(SIGABRT, &last_words, NULL);
	pthread_kill(b->thread, SIGABRT);
	/* stuck in the kernel it hears no signal */
	poll(NULL, 0, LAST_WORDS_MS);
	signal(SIGABRT, SIG_DFL);
	abort();
}

static void
count_stall(struct beat *b, uint64_t stood_us)
{
	static struct log_limit limit;
	char name[16];

	log_limited(&limit, LOG_LEVEL_WARN, "%s stood still for %" PRIu64 " ms", name_of(b, name),
	    stood_us / 1000);
	if (b->stalls == NULL)
		return;
	atomic_fetch_add_explicit(&b->stalls->count, 1, memory_order_relaxed);
	if (stood_us > atomic_load_explicit(&b->stalls->longest_us, memory_order_relaxed))
		atomic_store_explicit(&b->stalls->longest_us, stood_us, memory_order_relaxed);
}

/* Returns for how long b has been stuck; 0: it goes round, or works. */
static uint64_t
judge(struct beat *b, uint64_t now_us, uint64_t own_late_us)
{
	uint64_t warning_us = atomic_load_explicit(&dog.warning_ms, memory_order_relaxed) * 1000ull;
	uint64_t abort_us = atomic_load_explicit(&dog.abort_ms, memory_order_relaxed) * 1000ull;
	uint64_t at_us = atomic_load_explicit(&b->at_us, memory_order_acquire);
	uint64_t works_us = atomic_load_explicit(&b->works_us, memory_order_acquire);
	uint64_t stood_us;
	char name[16];

	if (now_us < at_us)
		now_us = at_us;
	b->excused_us += own_late_us;
	if (at_us != b->seen_us) { /* it goes round; did it stand before? */
		stood_us = less(
		    atomic_exchange_explicit(&b->late_us, 0, memory_order_relaxed), b->excused_us);
		if (warning_us > 0 && stood_us >= warning_us)
			count_stall(b, stood_us);
		b->seen_us = at_us;
		/* the beat may have come before we overslept: then its next one is late by that */
		b->excused_us = own_late_us < now_us - at_us ? own_late_us : now_us - at_us;
		b->told = false;
		b->looked_us = 0;
		return 0;
	}
	if (now_us > at_us + BEAT_US + LATE_MIN_US)
		b->excused_us += less(starved_us(b, now_us), own_late_us);
	stood_us = less(now_us, (works_us > at_us ? works_us : at_us) + BEAT_US + b->excused_us);
	if (abort_us == 0 || stood_us < abort_us)
		return stood_us;
	if (!is_traced(b))
		end_process(b, stood_us);
	if (!b->told)
		log_warn("%s has been standing still for %" PRIu64
			 " ms, as whoever traces it wants",
		    name_of(b, name), stood_us / 1000);
	b->told = true;
	return stood_us;
}

static void
look(uint64_t now_us, uint64_t own_late_us)
{
	uint64_t longest_us = 0, alive_us = dog.setup.alive_every_ms * 1000ull;

	pthread_mutex_lock(&dog.lock);
	list_for (node, &dog.beats) {
		uint64_t stood_us =
		    judge(container_of(node, struct beat, node), now_us, own_late_us);

		longest_us = stood_us > longest_us ? stood_us : longest_us;
	}
	pthread_mutex_unlock(&dog.lock);
	if (alive_us == 0 || longest_us > alive_us || now_us - dog.alive_us < alive_us)
		return;
	dog.alive_us = now_us;
	dog.setup.alive();
}

static void *
run(void *arg)
{
	struct pollfd stop = { .fd = dog.stop_fd, .events = POLLIN };
	uint64_t looked_at_us = clock_now_us();
	void *frames[1];

	/* The first call loads what it needs, which a signal's handler must not. */
	(void)backtrace(frames, 1);
	while (poll(&stop, 1, LOOK_MS) == 0 || stop.revents == 0) {
		uint64_t now_us = clock_now_us();

		look(now_us, less(now_us, looked_at_us + LOOK_MS * 1000 + LATE_MIN_US));
		looked_at_us = now_us; /* stopped while looking is stopped as well */
	}
	return NULL;
}

/* ---- starting and ending ---- */

bool
watchdog_configure(uint32_t warning_ms, uint32_t abort_ms)
{
	atomic_store_explicit(&dog.warning_ms, warning_ms, memory_order_relaxed);
	atomic_store_explicit(&dog.abort_ms, SANITIZED ? 0 : abort_ms, memory_order_relaxed);
	return dog.runs;
}

bool
watchdog_start(const struct watchdog_setup *setup, struct error *error)
{
	int err;

	if (setup->warning_ms == 0 && setup->abort_ms == 0 && setup->alive_every_ms == 0)
		return true;
	dog.setup = *setup;
	(void)watchdog_configure(setup->warning_ms, setup->abort_ms);
	dog.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dog.stop_fd < 0) {
		error_errno(error, "cannot make an eventfd for", "the watchdog");
		return false;
	}
	err = thread_start(&dog.thread, "watchdog", run, NULL);
	if (err != 0) {
		errno = err;
		error_errno(error, "cannot start", "the watchdog");
		close(dog.stop_fd);
		return false;
	}
	dog.runs = true;
	return true;
}

void
watchdog_stop(void)
{
	if (!dog.runs)
		return;
	(void)eventfd_write(dog.stop_fd, 1);
	pthread_join(dog.thread, NULL);
	close(dog.stop_fd);
	dog.runs = false;
}
