/*
 * Answers of the admin side.
 */
#ifndef CONTROL_ADMIN_REPLY_H
#define CONTROL_ADMIN_REPLY_H

#include <jansson.h>

struct evbuffer;
struct evhttp_request;

void admin_reply(struct evhttp_request *, int status, const char *type, struct evbuffer *body);
void admin_reply_text(struct evhttp_request *, int status, const char *text);
/* Takes the reference. */
void admin_reply_json(struct evhttp_request *, int status, json_t *);

#endif
