/*
 * An HTTP message head, whatever protocol carried it: HTTP/1 and HTTP/2 both fill this.
 *
 * Everything is offsets into one run of bytes (base), so a head can be parsed where it was read
 * and kept by copying the run and setting base anew: no pointer to mend, no string to own.
 * The fields lie in base as lines, "name: value" CRLF, in order and with nothing between them,
 * and the head's last two bytes are the CRLF of its empty line, so that fields which pass
 * through unchanged are copied by the run; whoever fills a head from HTTP/2 writes such lines.
 * A struct head is some 2 KiB, holds no resources and belongs to whoever declared it.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"

enum { HEAD_MAX_FIELDS = 128 };

enum field_id {
	FIELD_OTHER,
#define FIELD(id, name, hop) FIELD_##id,
#include "http/field.def"
#undef FIELD
	FIELD_COUNT,
	/* Nobody here looks at it, and it goes no further: see head_hide_underscored(). */
	FIELD_UNSEEN = FIELD_COUNT
};

enum method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_OPTIONS,
	METHOD_TRACE,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_POST,
	METHOD_PATCH,
	METHOD_CONNECT,
};

/* How the end of a message's body is found (RFC 9112 section 6.3; HTTP/2: END_STREAM). */
enum framing {
	FRAMING_NONE, /* no body, or Content-Length: 0 */
	FRAMING_LENGTH, /* content_length bytes */
	FRAMING_CHUNKED, /* chunked, or HTTP/2 without a length: the end is marked */
	FRAMING_CLOSE, /* until the connection closes (responses only) */
};

/* A run of bytes inside base. */
struct part {
	uint32_t at;
	uint32_t len;
};

struct field {
	uint32_t name_at;
	uint32_t value_at;
	uint32_t value_len;
	uint16_t name_len;
	uint16_t id; /* enum field_id */
};

struct head {
	const char *base;
	uint32_t len; /* of the whole head, its final empty line included */

	/* request: method, target as sent, and what it says */
	enum method method;
	struct part method_text;
	struct part target;
	struct part host; /* effective: absolute-form's authority, else Host; may be empty */
	struct part path; /* "/..." or "*", without query; never normalised here */
	struct part query; /* with its '?', or empty */
	struct part protocol; /* of an extended CONNECT (RFC 8441), which is a GET here; or empty */

	/* response */
	uint16_t status;
	struct part reason;

	uint8_t minor; /* HTTP/1.minor; 1 for HTTP/2 as well */
	bool h2; /* came by HTTP/2 */
	enum framing framing;
	uint64_t content_length; /* FRAMING_LENGTH; for HEAD and 304 what was announced */
	bool has_content_length;
	bool keep_alive; /* the connection may carry another message after this one */
	bool nominates; /* Connection says more than close, keep-alive and upgrade */
	bool expect_continue; /* and there is a body to wait for, and HTTP/1.1 */
	/*
	 * Asks for, or with 101 grants, another protocol. False if a body comes along, or for h2c
	 * and TLS: a tunnel for those would carry requests past every rule of the proxy.
	 */
	bool upgrade;
	bool te_trailers; /* the sender of this request reads trailers */
	bool underscores; /* the name of one of its fields has a '_' */

	uint16_t field_count;
	struct field fields[HEAD_MAX_FIELDS];
};

static inline struct slice
head_slice(const struct head *h, struct part p)
{
	return (struct slice){ h->base + p.at, p.len };
}

static inline struct slice
field_name(const struct head *h, const struct field *f)
{
	return (struct slice){ h->base + f->name_at, f->name_len };
}

static inline struct slice
field_value(const struct head *h, const struct field *f)
{
	return (struct slice){ h->base + f->value_at, f->value_len };
}

/* RFC 9110 section 9.2.2: may be repeated without harm. */
static inline bool
method_is_idempotent(enum method m)
{
	return m >= METHOD_GET && m <= METHOD_DELETE;
}

/*
 * Any case. FIELD_OTHER if the proxy has no interest in it. The name holds no control byte but HTAB,
 * which whoever read it saw to.
 */
enum field_id field_lookup(const char *name, size_t len);
/* The lower-case name of an id. */
struct slice field_id_name(enum field_id);
bool field_is_hop_by_hop(enum field_id);
/*
 * Is name, but for '_' in place of '-', that of a field for framing, of a hop-by-hop field, or
 * of one that the proxy vouches for? CGI and its kin can't tell the two apart.
 */
bool field_is_alias(struct slice name);

/* The first field with this id (not FIELD_OTHER), or NULL. */
const struct field *head_find(const struct head *, enum field_id);
/* The value of the first field of this name, any case. False: there is none. */
bool head_value(const struct head *, struct slice name, struct slice *value);
/* The value of the first cookie of this name, case-sensitive (RFC 6265 section 5.4). */
bool head_cookie(const struct head *, struct slice name, struct slice *value);
/*
 * Fields with '_' in their names become FIELD_UNSEEN: CGI and its kin make the same variable of
 * "X_User" and "X-User", so that either speaks for the other.
 */
void head_hide_underscored(struct head *);
/* The same for those that a Connection field of "of" nominates (RFC 9110 section 7.6.1). */
void head_hide_nominated(struct head *, const struct head *of);
/* Is token, any case, an element of the comma-separated value? */
bool value_has_token(struct slice value, struct slice token);
/* Is name nominated by a Connection field of this head (RFC 9110 section 7.6.1)? */
bool head_nominates(const struct head *, struct slice name);

enum method method_lookup(struct slice);

#endif
