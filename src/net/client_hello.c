/* SPDX-License-Identifier: Apache-2.0 */
#include "net/client_hello.h"

#include <stdbool.h>
#include <string.h>

enum {
	RECORD_HEAD = 5,
	RECORD_MAX = 16 * 1024,
	RECORDS_MAX = 16, /* a message in crumbs is read by nobody else either, and costs us a scan each */
	RECORD_HANDSHAKE = 22,
	MESSAGE_HEAD = 4,
	MESSAGE_MAX = 16 * 1024,
	MESSAGE_CLIENT_HELLO = 1,
	RANDOM = 32,
	SESSION_ID_MAX = 32,
	EXTENSION_SERVER_NAME = 0,
	NAME_HOST = 0,
	LABEL_MAX = 63,
};

/* A run of the message's bytes. failed: more was asked for than there is. */
struct run {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static unsigned
take_number(struct run *r, unsigned bytes)
{
	unsigned value = 0;

	if (r->left < bytes) {
		r->failed = true;
		r->left = 0;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | r->at[i];
	r->at += bytes;
	r->left -= bytes;
	return value;
}

static struct run
take(struct run *r, size_t len)
{
	struct run part = { r->at, len, false };

	if (r->failed || r->left < len) {
		r->failed = true;
		r->left = 0;
		return (struct run){ r->at, 0, true };
	}
	r->at += len;
	r->left -= len;
	return part;
}

/* A vector: its length in so many bytes, then its content. */
static struct run
take_vector(struct run *r, unsigned length_bytes)
{
	unsigned len = take_number(r, length_bytes);

	return take(r, len);
}

static enum client_hello_result
bad(struct client_hello *h, const char *why)
{
	h->name_len = 0;
	h->name[0] = '\0';
	h->why = why;
	return CLIENT_HELLO_BAD;
}

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, digits and hyphens, in labels of 1 to 63 (RFC 6066 section 3, RFC 5890 section 2.3.1). */
static bool
set_name(struct client_hello *h, const struct run *name)
{
	size_t label = 0;

	if (name->left == 0 || name->left >= sizeof h->name)
		return false;
	for (size_t i = 0; i < name->left; i++) {
		char c = (char)name->at[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		h->name[i] = c;
		if (c == '.' && label == 0)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (c != '.' && c != '-' && !is_letter_or_digit(c))
			return false;
		if (label > LABEL_MAX)
			return false;
	}
	if (label == 0)
		return false;
	h->name_len = (uint8_t)name->left;
	h->name[h->name_len] = '\0';
	return true;
}

/* One name, of a host: there have never been other kinds (RFC 8446 keeps the list for old times). */
static const char *
read_server_name(struct client_hello *h, struct run extension)
{
	struct run list = take_vector(&extension, 2);
	unsigned type = take_number(&list, 1);
	struct run name = take_vector(&list, 2);

	if (extension.failed || extension.left > 0 || list.failed || list.left > 0 ||
	    type != NAME_HOST)
		return "malformed list of server names";
	return set_name(h, &name) ? NULL : "the server name is no host name";
}

static const char *
read_extensions(struct client_hello *h, struct run all)
{
	bool named = false;

	while (all.left > 0) {
		unsigned type = take_number(&all, 2);
		struct run one = take_vector(&all, 2);
		const char *why;

		if (all.failed)
			return "malformed extensions";
		if (type != EXTENSION_SERVER_NAME)
			continue;
		if (named)
			return "more than one list of server names";
		named = true;
		why = read_server_name(h, one);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static const char *
read_message(struct client_hello *h, struct run m)
{
	unsigned version = take_number(&m, 2);
	struct run random = take(&m, RANDOM);
	struct run session = take_vector(&m, 1);
	struct run ciphers = take_vector(&m, 2);
	struct run compressions = take_vector(&m, 1);
	struct run extensions;

	if (m.failed || random.failed || version >> 8 != 3)
		return "malformed ClientHello";
	if (session.left > SESSION_ID_MAX || ciphers.left < 2 || ciphers.left % 2 != 0 ||
	    compressions.left == 0)
		return "malformed ClientHello";
	if (m.left == 0) /* before TLS 1.2 there need be none */
		return NULL;
	extensions = take_vector(&m, 2);
	if (m.failed || m.left > 0)
		return "malformed extensions";
	return read_extensions(h, extensions);
}

/* How long the message says it is, head and all; what has not come yet counts as nothing. */
static size_t
message_length(const uint8_t *message, size_t have)
{
	if (have < MESSAGE_HEAD)
		return MESSAGE_HEAD;
	return MESSAGE_HEAD + ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
}

/* A message on its way out of its records. */
struct message {
	uint8_t bytes[MESSAGE_HEAD + MESSAGE_MAX];
	size_t have;
	size_t announced; /* by the heads of its records */
};

/* Why it can be no ClientHello, or NULL so far. */
static const char *
judge(const struct message *m)
{
	size_t need = message_length(m->bytes, m->have);

	if (m->have > 0 && m->bytes[0] != MESSAGE_CLIENT_HELLO)
		return "no ClientHello";
	if (need > sizeof m->bytes)
		return "the ClientHello is too long";
	if (m->have >= MESSAGE_HEAD && m->announced > need)
		return "more than a ClientHello";
	return NULL;
}

/* Takes one record, or what there is of it, into m. Why not, or NULL. */
static const char *
unwrap(struct run *all, struct message *m)
{
	const uint8_t *head = all->at;
	struct run record;
	size_t len;

	if (head[0] != RECORD_HANDSHAKE || (all->left > 1 && head[1] != 3))
		return "no TLS handshake";
	if (all->left < RECORD_HEAD) {
		all->left = 0;
		return NULL;
	}
	len = (size_t)head[3] << 8 | head[4];
	if (len == 0 || len > RECORD_MAX)
		return "malformed record";
	m->announced += len;
	(void)take(all, RECORD_HEAD);
	record = take(all, len < all->left ? len : all->left);
	if (record.left > sizeof m->bytes - m->have)
		record.left = sizeof m->bytes - m->have; /* too much anyway: judge() says so */
	memcpy(m->bytes + m->have, record.at, record.left);
	m->have += record.left;
	return judge(m);
}

enum client_hello_result
client_hello_parse(struct client_hello *h, const void *data, size_t len)
{
	struct run all = { data, len < CLIENT_HELLO_MAX ? len : CLIENT_HELLO_MAX, false };
	struct message m;
	const char *why = NULL;
	size_t need;

	*h = (struct client_hello){ .name_len = 0 };
	m.have = m.announced = 0;
	for (unsigned records = 0;; records++) {
		need = message_length(m.bytes, m.have);
		if (m.have >= need && m.have > MESSAGE_HEAD - 1)
			break;
		if (all.left == 0)
			return CLIENT_HELLO_MORE;
		why = records < RECORDS_MAX ? unwrap(&all, &m) : "a ClientHello in crumbs";
		if (why != NULL)
			return bad(h, why);
	}
	why = read_message(h, (struct run){ m.bytes + MESSAGE_HEAD, need - MESSAGE_HEAD, false });
	return why == NULL ? CLIENT_HELLO_DONE : bad(h, why);
}
