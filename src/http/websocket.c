/* SPDX-License-Identifier: Apache-2.0 */
#include "http/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "chars.h"
#include "values.h"

/* The only field with this id, or NULL: there is none, or more than one. */
static const struct field *
only(const struct head *h, enum field_id id)
{
	const struct field *found = NULL;

	for (unsigned i = 0; i < h->field_count; i++) {
		if (h->fields[i].id != id)
			continue;
		if (found != NULL)
			return NULL;
		found = &h->fields[i];
	}
	return found;
}

static bool
says(const struct head *h, enum field_id id, struct slice wanted)
{
	const struct field *f = only(h, id);

	return f != NULL && slice_eq_nocase(field_value(h, f), wanted);
}

static bool
is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || char_is_digit(c) || c == '+' ||
	    c == '/';
}

struct slice
websocket_key(const struct head *h)
{
	const struct field *f = only(h, FIELD_SEC_WEBSOCKET_KEY);
	struct slice none = { NULL, 0 }, key;

	if (f == NULL || f->value_len != WEBSOCKET_KEY)
		return none;
	key = field_value(h, f);
	for (unsigned i = 0; i < WEBSOCKET_KEY - 2; i++)
		if (!is_base64(key.at[i]))
			return none;
	return memcmp(key.at + WEBSOCKET_KEY - 2, "==", 2) == 0 ? key : none;
}

bool
websocket_is_asked(const struct head *h)
{
	if (!h->upgrade || h->protocol.len > 0)
		return h->upgrade; /* no other protocol of an extended CONNECT gets here */
	return says(h, FIELD_UPGRADE, SLICE("websocket")) && websocket_key(h).len > 0;
}

void
websocket_make_key(const unsigned char nonce[WEBSOCKET_NONCE], char key[WEBSOCKET_KEY])
{
	unsigned char text[WEBSOCKET_KEY + 1];

	EVP_EncodeBlock(text, nonce, WEBSOCKET_NONCE);
	memcpy(key, text, WEBSOCKET_KEY);
}

void
websocket_accept(struct slice key, char accept[WEBSOCKET_ACCEPT])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char joined[WEBSOCKET_KEY + sizeof guid - 1], hash[SHA_DIGEST_LENGTH];
	unsigned char text[WEBSOCKET_ACCEPT + 1];
	size_t len = key.len < WEBSOCKET_KEY ? key.len : WEBSOCKET_KEY;

	if (len > 0)
		memcpy(joined, key.at, len);
	memcpy(joined + len, guid, sizeof guid - 1);
	SHA1(joined, len + sizeof guid - 1, hash);
	EVP_EncodeBlock(text, hash, sizeof hash);
	memcpy(accept, text, WEBSOCKET_ACCEPT);
}

bool
websocket_is_granted(const struct head *answer, const char accept[WEBSOCKET_ACCEPT])
{
	const struct field *f = only(answer, FIELD_SEC_WEBSOCKET_ACCEPT);

	return f != NULL && says(answer, FIELD_UPGRADE, SLICE("websocket")) &&
	    slice_eq(field_value(answer, f), (struct slice){ accept, WEBSOCKET_ACCEPT });
}
