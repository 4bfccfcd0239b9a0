/*
 * Reads HTTP/1.1 messages whose sender is a test or a proxy under test: small, and not the
 * product's own parser, which it judges. Both ways: requests at the origin, answers at the load.
 */
#ifndef LAB_MSG_H
#define LAB_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "pattern.h"

enum msg_state {
	MSG_HEAD,
	MSG_LENGTH,
	MSG_UNTIL_CLOSE,
	MSG_CHUNK_SIZE,
	MSG_CHUNK_DATA,
	MSG_CHUNK_END,
	MSG_TRAILERS,
	MSG_DONE,
	MSG_BAD,
};

struct msg {
	enum msg_state state;
	bool answer;
	bool begun;    /* a byte has come */
	bool closes;   /* Connection: close */
	bool upgrades; /* Upgrade: anything */
	int status;
	char method[16];
	char target[256];
	char key[32];                /* Sec-WebSocket-Key */
	char id[LAB_ID_MAX + 1];     /* X-Id */
	char origin[LAB_ID_MAX + 1]; /* X-Origin */
	uint64_t left;               /* of the body or of the chunk */
	struct pattern body;
};

/* id: whose body it must be; NULL: of the id that the head names. */
void msg_begin(struct msg *, bool answer, const char *id);
/* Consumes what belongs to this message; interim answers are passed over. */
enum msg_state msg_read(struct msg *, struct evbuffer *);
/* The peer has closed: does that complete it? */
bool msg_closed(struct msg *);

#endif
