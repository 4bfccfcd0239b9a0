/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_names.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct slot {
	const char *name; /* NULL: free */
	struct tls_pair pair;
};

struct tls_names {
	struct tls_pair fallback;
	size_t mask;
	struct slot slots[];
};

static const struct tls_pair NO_PAIR = { { -1, -1 } };

static enum tls_key_kind
kind_of(const struct conf_certificate *c)
{
	return c->ecdsa ? TLS_KEY_ECDSA : TLS_KEY_RSA;
}

/* FNV-1a: the names in the table are the operator's, so nobody can make them collide. */
static uint64_t
hash(const char *name)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211ULL;
	return h ^ (h >> 29);
}

/* The slot of name, or the free one where it belongs. */
static size_t
slot_for(const struct tls_names *n, const char *name)
{
	size_t at = hash(name) & n->mask;

	while (n->slots[at].name != NULL && strcmp(n->slots[at].name, name) != 0)
		at = (at + 1) & n->mask;
	return at;
}

static void
insert(struct tls_names *n, const char *name, enum tls_key_kind kind, unsigned index)
{
	struct slot *s = &n->slots[slot_for(n, name)];

	if (s->name == NULL) {
		s->name = name;
		s->pair = NO_PAIR;
	}
	if (s->pair.certificate[kind] < 0)
		s->pair.certificate[kind] = (int)index;
}

/* "a.b.c" to "*.b.c"; false when there is no label to replace. */
static bool
wildcard_of(const char *name, char wild[TLS_NAME_MAX + 3])
{
	const char *dot = strchr(name, '.');

	if (dot == NULL || dot == name || strlen(dot) > TLS_NAME_MAX)
		return false;
	wild[0] = '*';
	memcpy(wild + 1, dot, strlen(dot) + 1);
	return true;
}

/* The default certificate brings its partner of the other kind along if that has its name too. */
static struct tls_pair
fallback_pair(const struct conf_tls *conf, struct tls_pair by_name)
{
	enum tls_key_kind kind = kind_of(&conf->certificates[0]);

	if (by_name.certificate[kind] != 0)
		by_name = NO_PAIR;
	by_name.certificate[kind] = 0;
	return by_name;
}

struct tls_names *
tls_names_new(const struct conf_tls *conf)
{
	size_t count = 0, slots = 4;
	const struct conf_certificate *first = &conf->certificates[0];
	struct tls_names *n;

	assert(conf->certificate_count > 0);
	for (unsigned i = 0; i < conf->certificate_count; i++)
		count += conf->certificates[i].name_count;
	while (slots < count * 2)
		slots *= 2;
	n = mem_new(sizeof *n + slots * sizeof n->slots[0]);
	n->mask = slots - 1;
	for (unsigned i = 0; i < conf->certificate_count; i++) {
		const struct conf_certificate *c = &conf->certificates[i];

		for (unsigned j = 0; j < c->name_count; j++)
			insert(n, c->names[j], kind_of(c), i);
	}
	n->fallback = fallback_pair(
	    conf, first->name_count > 0 ? n->slots[slot_for(n, first->names[0])].pair : NO_PAIR);
	return n;
}

void
tls_names_free(struct tls_names *n)
{
	mem_free(n);
}

struct tls_pair
tls_names_find(const struct tls_names *n, const char *name)
{
	char wild[TLS_NAME_MAX + 3];
	const struct slot *s = &n->slots[slot_for(n, name)];

	if (s->name == NULL && wildcard_of(name, wild))
		s = &n->slots[slot_for(n, wild)];
	return s->name != NULL ? s->pair : n->fallback;
}

static struct tls_pair
scan(const struct conf_tls *conf, const char *name)
{
	struct tls_pair pair = NO_PAIR;

	for (unsigned i = 0; i < conf->certificate_count; i++) {
		const struct conf_certificate *c = &conf->certificates[i];

		for (unsigned j = 0; j < c->name_count; j++)
			if (pair.certificate[kind_of(c)] < 0 && strcmp(c->names[j], name) == 0)
				pair.certificate[kind_of(c)] = (int)i;
	}
	return pair;
}

static bool
is_empty(struct tls_pair p)
{
	return p.certificate[TLS_KEY_ECDSA] < 0 && p.certificate[TLS_KEY_RSA] < 0;
}

struct tls_pair
tls_names_scan(const struct conf_tls *conf, const char *name)
{
	const struct conf_certificate *first = &conf->certificates[0];
	char wild[TLS_NAME_MAX + 3];
	struct tls_pair pair = scan(conf, name);

	if (is_empty(pair) && wildcard_of(name, wild))
		pair = scan(conf, wild);
	if (!is_empty(pair))
		return pair;
	return fallback_pair(conf, first->name_count > 0 ? scan(conf, first->names[0]) : NO_PAIR);
}

unsigned
tls_pair_first(struct tls_pair p)
{
	int a = p.certificate[TLS_KEY_ECDSA], b = p.certificate[TLS_KEY_RSA];

	assert(!is_empty(p));
	return (unsigned)(a < 0 || (b >= 0 && b < a) ? b : a);
}

/* '_' is no letter of a host name, but names with it are in use and harmless. */
static bool
is_name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool
tls_name_normalize(const void *raw, size_t len, char name[TLS_NAME_MAX + 1])
{
	const unsigned char *from = raw;

	if (len > 0 && from[len - 1] == '.')
		len--;
	if (len == 0 || len > TLS_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = from[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c == '.' ? i == 0 || name[i - 1] == '.' || i + 1 == len : !is_name_char(c))
			return false;
		name[i] = (char)c;
	}
	name[len] = '\0';
	return true;
}
