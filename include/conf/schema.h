/*
 * The table of all configuration keys, made from schema.def. Constant; any thread.
 */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

/* What a key's value may be, and what it fills. */
enum schema_type {
	TYPE_TEXT, /* const char * */
	TYPE_TEMPLATE, /* const char *; what conf/variable.def names stays for the request */
	TYPE_REGEX, /* const struct regex * */
	TYPE_NAME, /* const char *, unique in its set; CONF_NAME_MAX long at most */
	TYPE_TOKEN, /* const char *, an RFC 9110 token */
	TYPE_HOSTNAME, /* const char *, lower case */
	TYPE_AUTHORITY, /* const char *, host with an optional port */
	TYPE_ROUTE_HOST, /* const char *, lower case, "*." allowed in front */
	TYPE_URL_PATH, /* const char *, begins with '/' */
	TYPE_PATH, /* const char *, a file's; made relative to the file that names it */
	TYPE_OUTPUT, /* const char *, a path or stdout, stderr, off */
	TYPE_BUNDLE, /* struct conf_file of CA certificates */
	TYPE_CHAIN, /* struct conf_file of a certificate chain */
	TYPE_SECRET, /* struct conf_file of a private key */
	TYPE_BOOL, /* bool */
	TYPE_UINT, /* uint32_t */
	TYPE_UINT16, /* uint16_t */
	TYPE_FLOAT, /* double */
	TYPE_DURATION, /* uint32_t, ms */
	TYPE_SIZE, /* uint32_t, bytes */
	TYPE_SIZE64, /* uint64_t, bytes */
	TYPE_WORD, /* an enum */
	TYPE_ON_DOWN, /* struct conf_on_down */
	TYPE_ADDRESS, /* struct conf_address */
	TYPE_URL, /* struct conf_endpoint, by its url */
	TYPE_REF, /* pointer to the named thing */
	TYPE_STATUSES, /* const uint16_t * and a count */
	TYPE_RANGES, /* struct conf_status_range * and a count */
	TYPE_TEXTS, /* const char ** and a count */
	TYPE_TOKENS, /* the same, each a token */
	TYPE_NETWORKS, /* struct ip_set */
	TYPE_GROUP, /* a struct of block kind "of" */
	TYPE_OPTION, /* pointer to one, NULL when it is not written */
	TYPE_LIST, /* pointer to an array of them, and a count */
	TYPE_COUNT
};

/* Things that are named and referred to. */
enum schema_set { SET_TLS, SET_LISTENER, SET_REGION, SET_SERVICE, SET_ROUTE, SET_SAFETY, SET_COUNT };

#define BLOCK(id, type, where, heading, noun) BLOCK_##id,
enum schema_block {
#include "conf/schema.def"
	BLOCK_COUNT
};

enum schema_words {
	WORDS_BOOL,
	WORDS_PROTOCOL,
	WORDS_SERVICE_PROTOCOL,
	WORDS_UPSTREAM_PROTOCOL,
	WORDS_TLS_VERSION,
	WORDS_CLIENT_AUTH,
	WORDS_BALANCE,
	WORDS_UNDERSCORES,
	WORDS_ENCODED_SLASH,
	WORDS_SLASHES,
	WORDS_VIA,
	WORDS_HASH_ON,
	WORDS_CHECK_TYPE,
	WORDS_PRIORITY,
	WORDS_RATE_KEY,
	WORDS_SEND_PROXY,
	WORDS_SPILL,
	WORDS_ALL_DOWN,
	WORDS_FAILBACK,
	WORDS_SAME_SITE,
	WORDS_LOG_FORMAT,
	WORDS_LOG_LEVEL,
	WORDS_SECCOMP
};

struct schema_word {
	enum schema_words list;
	const char *text;
	int value;
	const char *doc; /* of a refused word: why */
	bool refused;
};

struct schema_key {
	enum schema_block block;
	const char *name;
	enum schema_type type;
	size_t offset; /* of the field in the block's struct */
	size_t count_offset; /* of the count of a list */
	const char *fallback; /* as a user would write it; NULL: stays zero; schema_required */
	const char *range; /* "least..most", as a user would write it; NULL: any */
	enum schema_words words; /* of TYPE_WORD and TYPE_BOOL */
	enum schema_set set; /* of TYPE_NAME and TYPE_REF */
	enum schema_block of; /* of TYPE_GROUP and TYPE_LIST */
	const char *doc;
};

struct schema_block_info {
	const char *heading; /* "services[].retry" */
	const char *noun; /* "this listener": what messages call one */
	size_t size; /* of its struct */
	size_t where_offset; /* of its struct conf_where; SCHEMA_NOWHERE: it has none */
};

#define SCHEMA_NOWHERE ((size_t)-1)

/* The default of a key that must be given. */
extern const char schema_required[];

const struct schema_block_info *schema_block(enum schema_block);
/* The first of a block's keys; the others follow it as long as their block is the same. */
const struct schema_key *schema_keys(enum schema_block);
const struct schema_key *schema_key(enum schema_block, const char *name); /* NULL: no such key */
/* The key of the block whose name is nearest to a misspelt one, or NULL. */
const struct schema_key *schema_nearest(enum schema_block, const char *name);
/* All words, of all lists, list by list. */
const struct schema_word *schema_words(unsigned *count);
const struct schema_word *schema_word(enum schema_words, const char *text);
const char *schema_set_noun(enum schema_set); /* "service" */

#endif
