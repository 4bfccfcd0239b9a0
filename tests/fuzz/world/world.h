/*
 * A whole proxy in the fuzzer's process, with a client and an origin that are nothing but bytes.
 *
 * The proxy's own threads run; client and origin are played by the fuzzer's thread, which waits for
 * nothing but sockets. What the proxy sends is read by a second, strict reader that shares no code
 * with the proxy.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORLD_BYTES = 256 * 1024, WORLD_CONNECTIONS = 8 };

/* A growing run of bytes of bounded size; what is beyond it is counted and dropped. */
struct bytes {
	char *at;
	size_t len;
};

/* A connection that the proxy made to the origin. */
struct origin_connection {
	int fd;            /* -1: not used */
	struct bytes got;  /* since the last request that was read whole */
	unsigned requests; /* read whole */
	bool raw;          /* its bytes are none of HTTP/1 any more, or never were */
};

struct world {
	/* What the target decides, for one run. */
	const char *client; /* sent when connected */
	size_t client_len;
	size_t cut; /* a pause after so many bytes; 0: none */
	/*
	 * The origin's answer to its nth request of this run, on whatever connection; sent_all may
	 * be cleared to close behind it. NULL: "ok".
	 */
	size_t (*answer)(struct world *, unsigned request, char *out, size_t size, bool *close);
	bool origin_is_raw; /* on_raw is given what comes instead of requests */
	void (*on_raw)(struct world *, struct origin_connection *);
	/* Has come what the client waits for before it ends? NULL: it ends when nothing moves. */
	bool (*is_answered)(const struct world *);

	/* What came of it. */
	struct bytes answered; /* what the client was sent */
	unsigned requests;     /* that reached the origin */
	bool client_ended;     /* the proxy closed */
	unsigned secret;       /* stands in the origin's own answers, another in each run */

	/* private */
	int client_fd;
	struct origin_connection origins[WORLD_CONNECTIONS];
};

/* Once: which is the text of the service's region, "" for HTTP/1. */
void world_start(const char *region_text);
/* Plays one run to its end, when the client's connection is over. */
void world_run(struct world *);
/* Sends to an origin connection, as far as it takes it. */
void world_send(struct origin_connection *, const char *bytes, size_t len);
/* The socket of the admin side. */
const char *world_admin(void);
/* One turn of the loop that it runs on. */
void world_turn(void);

/*
 * The strict reader. One request at the front of the bytes: its length, 0 while it is not whole;
 * all that is not exactly what a proxy may write aborts.
 */
size_t strict_request(const char *bytes, size_t len);
/*
 * One final answer at the front of the bytes, interim ones before it skipped: its length, 0 while
 * it is not whole. *body lies in them.
 */
size_t strict_answer(const char *bytes, size_t len, bool head_only, unsigned *status,
    const char **body, size_t *body_len, bool *until_close);

#endif
