/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "proxy/access_sink.h"

enum {
	BATCH_BYTES = 256 * 1024, /* lines written at a time */
	BUSY_BYTES = 64 * 1024,   /* a pass that found more looks again soon */
	PAUSE_BUSY_MS = 1,
	PAUSE_MIN_MS = 5,
	PAUSE_MAX_MS = 50,
	STOP_MS = 1000, /* at most this long for a reader that stopped reading */
};

struct access_log {
	struct ring **rings; /* borrowed */
	unsigned count;
	int wake_fd;
	pthread_t thread;
	atomic_bool stopping;
	atomic_ullong lost; /* formatted, but not written */

	/* main hands a new destination over, or asks for the old one anew */
	pthread_mutex_t lock;
	struct access_sink next_sink;
	char *next_path;
	enum conf_log_format next_format;
	bool has_next;
	bool reopen;

	/* the log thread's own */
	struct access_sink sink;
	char *path;
	enum conf_log_format format;
	char *batch;
	size_t batch_len;
	bool torn;           /* the last write ended inside a line */
	uint64_t stop_by_ms; /* 0: not stopping */
	struct log_limit trouble;
};

static void
wake(struct access_log *log)
{
	uint64_t one = 1;

	/* fails only when the counter is full, and then the thread is woken already */
	if (write(log->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("access log: cannot wake the log thread: %s", strerror(errno));
}

static void
reopen_file(struct access_log *log)
{
	struct access_sink sink;
	struct error error;

	if (!log->sink.is_file)
		return;
	if (!access_sink_open(&sink, log->path, &error)) {
		log_error("%s; the old file stays in use", error.text);
		return;
	}
	access_sink_close(&log->sink);
	log->sink = sink;
	log->torn = false;
}

static void
take_orders(struct access_log *log)
{
	uint64_t ignored;
	bool reopen;

	if (read(log->wake_fd, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
		log_error("access log: eventfd: %s", strerror(errno));
	pthread_mutex_lock(&log->lock);
	if (log->has_next) {
		access_sink_close(&log->sink);
		mem_free(log->path);
		log->sink = log->next_sink;
		log->path = log->next_path;
		log->format = log->next_format;
		log->has_next = false;
		log->torn = false;
	}
	reopen = log->reopen;
	log->reopen = false;
	pthread_mutex_unlock(&log->lock);
	if (reopen)
		reopen_file(log);
	if (log->stop_by_ms == 0 && atomic_load(&log->stopping))
		log->stop_by_ms = clock_now_ms() + STOP_MS;
}

/* Waits until the reader reads again; false: it did not and we are to stop. */
static bool
wait_for_reader(struct access_log *log)
{
	struct pollfd sink = { .fd = log->sink.fd, .events = POLLOUT };

	/* other orders wait until the batch is out, but a stop must be seen */
	if (log->stop_by_ms == 0 && atomic_load(&log->stopping))
		log->stop_by_ms = clock_now_ms() + STOP_MS;
	if (log->stop_by_ms != 0 && clock_now_ms() >= log->stop_by_ms)
		return false;
	return poll(&sink, 1, PAUSE_MAX_MS) >= 0 || errno == EINTR;
}

static unsigned
count_lines(const char *at, size_t len)
{
	unsigned lines = 0;
	const char *end = at + len;

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		lines++;
		at++;
	}
	return lines;
}

static void
write_batch(struct access_log *log)
{
	size_t at = 0;

	if (log->torn && log->batch_len > 0 && access_sink_write(&log->sink, "\n", 1) == 1)
		log->torn = false;
	while (at < log->batch_len) {
		ssize_t n = access_sink_write(&log->sink, log->batch + at, log->batch_len - at);

		if (n > 0) {
			at += (size_t)n;
			log->torn = log->batch[at - 1] != '\n';
			continue;
		}
		if (n < 0 && errno == EAGAIN && wait_for_reader(log))
			continue;
		atomic_fetch_add_explicit(&log->lost,
		    count_lines(log->batch + at, log->batch_len - at), memory_order_relaxed);
		log_limited(&log->trouble, LOG_LEVEL_ERROR,
		    "access log: cannot write to %s: %s; lines are lost", log->path,
		    n < 0 ? strerror(errno) : "nothing was taken");
		break;
	}
	log->batch_len = 0;
}

static void
add_line(struct access_log *log, const struct access_record *record, size_t len)
{
	size_t line;

	if (log->sink.fd < 0)
		return;
	if (BATCH_BYTES - log->batch_len < ACCESS_LINE_MAX + 1)
		write_batch(log);
	line = access_log_format(
	    record, len, log->format, log->batch + log->batch_len, ACCESS_LINE_MAX);
	if (line == 0) {
		atomic_fetch_add_explicit(&log->lost, 1, memory_order_relaxed);
		return;
	}
	log->batch_len += line;
	log->batch[log->batch_len++] = '\n';
}

/* Everything that waits now; returns how many bytes of records that was. */
static size_t
drain_rings(struct access_log *log)
{
	size_t total = 0;

	for (unsigned i = 0; i < log->count; i++) {
		/* no more than waits at entry: a busy worker must not keep us from the others */
		size_t waiting = ring_waiting(log->rings[i]);
		size_t taken = 0, len;
		const void *record;

		while (taken < waiting && (record = ring_peek(log->rings[i], &len)) != NULL) {
			add_line(log, record, len);
			ring_release(log->rings[i]);
			taken += len;
		}
		total += taken;
	}
	if (log->batch_len > 0)
		write_batch(log);
	return total;
}

static int
next_pause(size_t drained, int pause_ms)
{
	if (drained > BUSY_BYTES)
		return PAUSE_BUSY_MS;
	if (drained > 0)
		return PAUSE_MIN_MS;
	return pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
}

/*
 * Polls the rings instead of being woken: a wake-up for each line would cost a worker more than
 * the line itself.
 */
static void *
run(void *arg)
{
	struct access_log *log = arg;
	struct pollfd wakeful = { .fd = log->wake_fd, .events = POLLIN };
	int pause_ms = PAUSE_MIN_MS;

	while (log->stop_by_ms == 0) {
		if (poll(&wakeful, 1, pause_ms) > 0)
			take_orders(log);
		pause_ms = next_pause(drain_rings(log), pause_ms);
	}
	/* producers have ended: what waits now is all there is */
	while (drain_rings(log) > 0 && clock_now_ms() < log->stop_by_ms)
		;
	return NULL;
}

static void
free_log(struct access_log *log)
{
	access_sink_close(&log->sink);
	if (log->has_next) {
		access_sink_close(&log->next_sink);
		mem_free(log->next_path);
	}
	if (log->wake_fd >= 0)
		close(log->wake_fd);
	pthread_mutex_destroy(&log->lock);
	mem_free(log->batch);
	mem_free(log->path);
	mem_free(log);
}

struct access_log *
access_log_start(
    const struct conf_log *conf, struct ring **rings, unsigned count, struct error *error)
{
	struct access_log *log = mem_new(sizeof *log);
	int err;

	pthread_mutex_init(&log->lock, NULL);
	log->rings = rings;
	log->count = count;
	log->wake_fd = -1;
	log->path = mem_strdup(conf->access);
	log->format = conf->format;
	log->batch = mem_raw(BATCH_BYTES);
	if (!access_sink_open(&log->sink, conf->access, error))
		goto fail;
	log->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (log->wake_fd < 0) {
		error_errno(error, "cannot make an eventfd for", "the access log");
		goto fail;
	}
	err = thread_start(&log->thread, "log", run, log);
	if (err != 0) {
		errno = err;
		error_errno(error, "cannot start", "the log thread");
		goto fail;
	}
	return log;
fail:
	free_log(log);
	return NULL;
}

void
access_log_reopen(struct access_log *log)
{
	pthread_mutex_lock(&log->lock);
	log->reopen = true;
	pthread_mutex_unlock(&log->lock);
	wake(log);
}

bool
access_log_configure(struct access_log *log, const struct conf_log *conf, struct error *error)
{
	struct access_sink sink;

	if (!access_sink_open(&sink, conf->access, error))
		return false;
	pthread_mutex_lock(&log->lock);
	if (log->has_next) { /* the log thread has not come round to the one before */
		access_sink_close(&log->next_sink);
		mem_free(log->next_path);
	}
	log->next_sink = sink;
	log->next_path = mem_strdup(conf->access);
	log->next_format = conf->format;
	log->has_next = true;
	pthread_mutex_unlock(&log->lock);
	wake(log);
	return true;
}

void
access_log_stop(struct access_log *log)
{
	atomic_store(&log->stopping, true);
	wake(log);
	pthread_join(log->thread, NULL);
	free_log(log);
}

uint64_t
access_log_dropped(const struct access_log *log)
{
	uint64_t dropped = atomic_load_explicit(&log->lost, memory_order_relaxed);

	for (unsigned i = 0; i < log->count; i++)
		dropped += ring_dropped(log->rings[i]);
	return dropped;
}
