/*
 * What goes through tunnels and TCP services: notes, each with an id and a body that says whose it
 * is.
 *
 *   "ASK ID BODY_BYTES ANSWER_BYTES\n" and the body; "ANSWER ID ORIGIN BODY_BYTES\n" and the body
 *
 * Inside a tunnel of WebSocket's a note is one binary frame (RFC 6455, section 5.2), from a client
 * masked with a key of zeros.
 */
#ifndef LAB_NOTE_H
#define LAB_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "pattern.h"

enum note_state { NOTE_FRAME, NOTE_LINE, NOTE_BODY, NOTE_DONE, NOTE_BAD };

struct note {
	enum note_state state;
	bool framed;
	char id[LAB_ID_MAX + 1];
	char origin[LAB_ID_MAX + 1]; /* of an answer */
	unsigned answer_bytes;       /* of a question */
	uint64_t left;               /* of the body */
	struct pattern body;
};

void note_ask(
    struct evbuffer *, bool framed, const char *id, unsigned bytes, unsigned answer_bytes);
void note_answer(
    struct evbuffer *, bool framed, const char *id, const char *origin, unsigned bytes);
/* half: only the first half of the body's bytes. */
void note_answer_half(
    struct evbuffer *, bool framed, const char *id, const char *origin, unsigned bytes);

void note_begin(struct note *, bool framed);
/* Consumes what belongs to this note. */
enum note_state note_read(struct note *, struct evbuffer *);

#endif
