/*
 * What a head costs: parsing it, and writing it to the other side. Prints ns per head; run on a
 * quiet machine, of an optimised build.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/forward.h"
#include "http/h1.h"

enum { ROUNDS = 100, HEADS = 10000 };

static const char small[] = "GET /index.html HTTP/1.1\r\nHost: shop.example.com\r\n\r\n";

static const char browser[] =
    "GET /cart/items?id=12345&lang=en HTTP/1.1\r\nHost: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n\r\n";

static const char response[] =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 09:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\nContent-Length: 1024\r\n"
    "Last-Modified: Sat, 21 Nov 2026 09:00:00 GMT\r\nConnection: keep-alive\r\n"
    "ETag: \"6740a1b2-400\"\r\nAccept-Ranges: bytes\r\n\r\n";

static const struct forward_request onward = {
	.client_ip = { "192.0.2.1", 9 },
	.forwarded_host = { "shop.example.com", 16 },
	.listener_port = 8443,
	.tls = true,
	.request_id = { "0123456789abcdef", 16 },
};

static const struct forward_response back = {
	.request_id = { "0123456789abcdef", 16 },
};

struct sample {
	const char *name;
	const char *bytes;
	size_t len;
	bool response;
	bool write;
};

/* Returns bytes written, so that the compiler can't leave the work out. */
static size_t
once(const struct sample *s, char *out, size_t size)
{
	struct h1_parse p = { 0 };
	struct head h;
	enum h1_result r;

	if (s->response)
		r = h1_parse_response(
		    &p, &h, s->bytes, s->len, &h1_default_limits, METHOD_GET, false);
	else
		r = h1_parse_request(&p, &h, s->bytes, s->len, &h1_default_limits);
	if (r != H1_DONE)
		abort();
	if (!s->write)
		return h.len;
	return s->response ? forward_write_response(&h, &back, out, size)
			   : forward_write_request(&h, &onward, out, size);
}

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The best of several rounds: all that disturbs makes it slower. */
static double
measure(const struct sample *s)
{
	static char out[4096];
	double best = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = cpu_ns(), took;
		size_t total = 0;

		for (unsigned i = 0; i < HEADS; i++)
			total += once(s, out, sizeof out);
		took = (cpu_ns() - start) / HEADS;
		if (total == 0)
			abort();
		if (round == 0 || took < best)
			best = took;
	}
	return best;
}

int
main(void)
{
	static const struct sample samples[] = {
		{ "parse small request", small, sizeof small - 1, false, false },
		{ "parse browser request", browser, sizeof browser - 1, false, false },
		{ "parse and write browser request", browser, sizeof browser - 1, false, true },
		{ "parse response", response, sizeof response - 1, true, false },
		{ "parse and write response", response, sizeof response - 1, true, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++)
		printf("%-34s %4zu bytes %7.0f ns\n", samples[i].name, samples[i].len,
		    measure(&samples[i]));
	return EXIT_SUCCESS;
}
