/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's command; see usage(). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

/* One run in this many has nothing going wrong. */
enum { CALM_EACH = 12, FAILURES_SHOWN = 5 };

static bool stop_at_first;

struct sum {
	uint64_t played_ms;
	unsigned runs;
	unsigned failed;
};

static void
usage(FILE *f)
{
	fputs(
	    "usage: sim [--seed S] [--seconds N]   scenarios drawn from S on, N simulated seconds\n"
	    "       sim --fresh N                  the same from a seed nobody has chosen\n"
	    "       sim --campaign MINUTES         fresh seeds for so long\n"
	    "       sim --replay FILE...           scenarios that are written down\n"
	    "       sim --trace FILE               one of them, second by second\n"
	    "       sim --draw S                   writes down the scenario of a seed\n"
	    "       sim --first ...                stops at the first failure, as it is\n"
	    "       sim --speed                    5 regions of 20 endpoints, against the CPU "
	    "clock\n",
	    f);
}

static double
cpu_s(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
		abort();
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
draw(struct scenario *s, uint64_t seed)
{
	scenario_draw(s, seed, seed % CALM_EACH == 0);
}

static void
print_failure(const struct violation *v)
{
	printf("# broken: %s\n# at %.1f s: %s\n", v->rule, v->t_ms / 1000.0, v->text);
}

/* A failure is printed as a file that can be replayed and kept. */
static void
report(struct scenario *s, const struct violation *v)
{
	struct run_result again;
	unsigned runs;

	printf("FAIL seed %" PRIu64 "\n", s->seed);
	print_failure(v);
	runs = run_shrink(s, v->rule);
	run_scenario(s, false, &again);
	printf("# shrunk in %u runs:\n", runs);
	print_failure(&again.found);
	scenario_write(s, stdout);
	fflush(stdout);
}

static void
play_seed(uint64_t seed, struct sum *sum)
{
	struct scenario s;
	struct run_result result;

	draw(&s, seed);
	run_scenario(&s, false, &result);
	sum->played_ms += result.played_ms;
	sum->runs++;
	if (result.found.rule == NULL)
		return;
	sum->failed++;
	if (stop_at_first)
		print_failure(&result.found);
	else if (sum->failed <= FAILURES_SHOWN)
		report(&s, &result.found);
	else
		printf("FAIL seed %" PRIu64 ": %s at %.1f s: %s\n", seed, result.found.rule,
		    result.found.t_ms / 1000.0, result.found.text);
}

static int
conclude(const struct sum *sum, double began_s)
{
	printf("%u runs, %" PRIu64 " simulated seconds in %.1f s of CPU, %u failed\n", sum->runs,
	    sum->played_ms / 1000, cpu_s() - began_s, sum->failed);
	return sum->failed > 0;
}

static int
play_seconds(uint64_t seed, uint64_t seconds)
{
	struct sum sum = { 0 };
	double began_s = cpu_s();

	printf("seeds from %" PRIu64 "\n", seed);
	while (sum.played_ms < seconds * 1000 && !(stop_at_first && sum.failed > 0))
		play_seed(seed++, &sum);
	return conclude(&sum, began_s);
}

static uint64_t
fresh_seed(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0)
		abort();
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int
campaign(uint64_t minutes)
{
	struct sum sum = { 0 };
	double began_s = cpu_s();
	uint64_t seed = fresh_seed();
	time_t end = time(NULL) + (time_t)minutes * 60;

	printf("seeds from %" PRIu64 "\n", seed);
	while (time(NULL) < end)
		play_seed(seed++, &sum);
	return conclude(&sum, began_s);
}

static bool
load(const char *path, struct scenario *s)
{
	FILE *f = fopen(path, "r");
	bool good;

	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	good = scenario_read(s, f, path);
	fclose(f);
	return good;
}

static int
replay(char **paths, bool trace)
{
	int status = 0;

	for (; *paths != NULL; paths++) {
		struct scenario s;
		struct run_result result;

		if (!load(*paths, &s))
			return 2;
		run_scenario(&s, trace, &result);
		printf("%s %s: %" PRIu64 " requests, %" PRIu64 " failed, %" PRIu64 " shed\n",
		    result.found.rule == NULL ? "PASS" : "FAIL", *paths, result.requests,
		    result.failed, result.shed);
		if (result.found.rule == NULL)
			continue;
		print_failure(&result.found);
		status = 1;
	}
	return status;
}

static int
write_drawn(uint64_t seed)
{
	struct scenario s;

	draw(&s, seed);
	scenario_write(&s, stdout);
	return 0;
}

static int
speed(void)
{
	struct scenario s;
	struct run_result result;
	double began_s, took_s;

	scenario_draw_full(&s, 1);
	began_s = cpu_s();
	run_scenario(&s, false, &result);
	took_s = cpu_s() - began_s;
	printf("%.0f simulated seconds in %.2f s of CPU: %.0f a second\n",
	    result.played_ms / 1000.0, took_s, result.played_ms / 1000.0 / took_s);
	if (result.found.rule == NULL)
		return 0;
	print_failure(&result.found);
	scenario_write(&s, stdout);
	return 1;
}

static bool
number(const char *text, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	return errno == 0 && *text != '\0' && *end == '\0';
}

int
main(int argc, char **argv)
{
	uint64_t seed = 1, seconds = 100000, n = 0;

	for (int i = 1; i < argc; i++) {
		bool numbered = i + 1 < argc && number(argv[i + 1], &n);

		if (strcmp(argv[i], "--replay") == 0)
			return replay(argv + i + 1, false);
		if (strcmp(argv[i], "--trace") == 0)
			return replay(argv + i + 1, true);
		if (strcmp(argv[i], "--speed") == 0)
			return speed();
		if (strcmp(argv[i], "--first") == 0) {
			stop_at_first = true;
			continue;
		}
		if (numbered && strcmp(argv[i], "--campaign") == 0)
			return campaign(n);
		if (numbered && strcmp(argv[i], "--fresh") == 0)
			return play_seconds(fresh_seed(), n);
		if (numbered && strcmp(argv[i], "--draw") == 0)
			return write_drawn(n);
		if (numbered && strcmp(argv[i], "--seed") == 0)
			seed = n;
		else if (numbered && strcmp(argv[i], "--seconds") == 0)
			seconds = n;
		else {
			usage(stderr);
			return 2;
		}
		i++;
	}
	return play_seconds(seed, seconds);
}
