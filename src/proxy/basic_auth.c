// SPDX-License-Identifier: Apache-2.0
#include "proxy/basic_auth.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "conf/topology.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/verifier.h"
#include "proxy/worker_state.h"

enum {
	CACHE_PLACES = 1024,
	QUESTIONS_PER_CLIENT = 4, /* of VERIFIER_SLOTS: who guesses must not keep others from asking */
	PREFIX4 = 32,
	PREFIX6 = 64,
};

/* 128 bits that stand for name, password and stored hash. */
struct proof {
	uint64_t a, b;
};

struct question {
	struct proof proof;
	bool known; /* the user is in the file; else the answer does not matter */
	bool asked; /* its slot is taken, whether or not anyone still waits */
	struct ip client; /* or its network, of who asked first */
	struct list waiting; /* struct exchange.auth.node */
};

struct basic_auth {
	struct siphash_key keys[2]; /* of this process and worker, never written anywhere */
	struct verifier *verifier;
	struct question questions[VERIFIER_SLOTS]; /* by slot; waiting empty: unused, or given up */
	struct proof good[CACHE_PLACES];
};

static void
settle(struct list *waiting, enum auth_verdict verdict)
{
	while (!list_empty(waiting)) {
		struct exchange *x = container_of(waiting->next, struct exchange, auth.node);

		list_unlink(&x->auth.node);
		x->auth.verdict = verdict;
		exchange_run(x);
	}
}

static struct proof *
place_of(struct basic_auth *auth, const struct proof *p)
{
	return &auth->good[p->a % CACHE_PLACES];
}

static bool
is_same(const struct proof *a, const struct proof *b)
{
	return ((a->a ^ b->a) | (a->b ^ b->b)) == 0;
}

static void
on_verified(void *arg, unsigned slot, bool good)
{
	struct basic_auth *auth = arg;
	struct question *q = &auth->questions[slot];

	q->asked = false;
	good = good && q->known;
	if (good)
		*place_of(auth, &q->proof) = q->proof;
	settle(&q->waiting, good ? AUTH_GOOD : AUTH_BAD);
}

struct basic_auth *
basic_auth_new(struct worker *w)
{
	struct basic_auth *auth = mem_new(sizeof *auth);

	if (getrandom(auth->keys, sizeof auth->keys, 0) != sizeof auth->keys)
		for (unsigned i = 0; i < 2; i++)
			auth->keys[i] = (struct siphash_key){ rng_next(&w->rng), rng_next(&w->rng) };
	for (unsigned i = 0; i < VERIFIER_SLOTS; i++)
		list_init(&auth->questions[i].waiting);
	auth->verifier = verifier_new(w->loop, w->setup.index, on_verified, auth);
	if (auth->verifier == NULL) {
		mem_free(auth);
		return NULL;
	}
	return auth;
}

void
basic_auth_free(struct basic_auth *auth)
{
	if (auth == NULL)
		return;
	verifier_free(auth->verifier);
	mem_free(auth);
}

static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 into out; false when it is none, or too long, or holds a NUL. */
static bool
decode(struct slice text, char *out, size_t size)
{
	unsigned bits = 0, held = 0;
	size_t len = 0;

	while (text.len > 0 && text.at[text.len - 1] == '=')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		int s = sextet(text.at[i]);

		if (s < 0)
			return false;
		bits = bits << 6 | (unsigned)s;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (len + 1 >= size || (bits >> held & 0xff) == 0)
			return false;
		out[len++] = (char)(bits >> held & 0xff);
	}
	out[len] = '\0';
	return true;
}

/* "Basic bmFtZTpwYXNz" into name and password, both in buf. */
static bool
credentials(const struct exchange *x, char *buf, size_t size, const char **password)
{
	const struct field *f = head_find(&x->head, FIELD_AUTHORIZATION);
	struct slice v;
	char *colon;

	if (f == NULL)
		return false;
	v = field_value(&x->head, f);
	if (v.len < 6 || strncasecmp(v.at, "Basic ", 6) != 0)
		return false;
	v.at += 6;
	v.len -= 6;
	while (v.len > 0 && v.at[0] == ' ') {
		v.at++;
		v.len--;
	}
	if (!decode(v, buf, size))
		return false;
	colon = strchr(buf, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	*password = colon + 1;
	return true;
}

static struct proof
prove(const struct basic_auth *auth, const char *name, const char *password, const char *hash)
{
	uint64_t out[2];

	for (unsigned i = 0; i < 2; i++) {
		struct siphash h;

		siphash_begin(&h, &auth->keys[i]);
		siphash_add(&h, name, strlen(name) + 1);
		siphash_add(&h, password, strlen(password) + 1);
		siphash_add(&h, hash, strlen(hash));
		out[i] = siphash_end(&h);
	}
	return (struct proof){ out[0], out[1] };
}

static enum auth_verdict
wait_for(struct question *q, struct exchange *x)
{
	list_append(&q->waiting, &x->auth.node);
	return AUTH_WAITS;
}

/* A page's requests come with the same password at once: one question serves them all. */
static enum auth_verdict
ask(struct basic_auth *auth, struct exchange *x, const struct conf_user *user, const char *password,
    const struct proof *proof, bool known)
{
	struct ip client = ip_network(&x->who.ip, PREFIX4, PREFIX6);
	unsigned of_client = 0;
	struct question *q;
	int slot;

	for (unsigned i = 0; i < VERIFIER_SLOTS; i++) {
		q = &auth->questions[i];
		if (!list_empty(&q->waiting) && is_same(&q->proof, proof) && q->known == known)
			return wait_for(q, x);
		/* Who has left meanwhile has its question answered all the same. */
		of_client += q->asked && ip_equal(&q->client, &client);
	}
	if (of_client >= QUESTIONS_PER_CLIENT)
		return AUTH_BUSY;
	slot = verifier_ask(auth->verifier, slice_of(user->hash), slice_of(password));
	if (slot < 0)
		return AUTH_BUSY;
	q = &auth->questions[slot];
	q->proof = *proof;
	q->known = known;
	q->asked = true;
	q->client = client;
	return wait_for(q, x);
}

/* Who is not in the file takes as long as who is: names can't be tried out by the time it takes. */
static enum auth_verdict
first_look(struct exchange *x)
{
	struct worker *w = x->worker;
	const struct conf_basic_auth *conf = x->shaped->basic_auth;
	const struct conf_user *user;
	enum auth_verdict verdict;
	const char *password;
	char buf[VERIFIER_TEXT];
	struct proof proof;

	if (w->auth == NULL && (w->auth = basic_auth_new(w)) == NULL)
		return AUTH_BUSY; /* the next request looks again */
	if (!credentials(x, buf, sizeof buf, &password))
		return AUTH_BAD;
	user = conf_user_find(conf, buf);
	proof = prove(w->auth, buf, password, user != NULL ? user->hash : "");
	if (user != NULL && is_same(place_of(w->auth, &proof), &proof))
		verdict = AUTH_GOOD;
	else
		verdict = ask(w->auth, x, user != NULL ? user : conf->users, password, &proof,
		    user != NULL);
	OPENSSL_cleanse(buf, sizeof buf);
	return verdict;
}

enum auth_verdict
basic_auth_check(struct exchange *x)
{
	if (x->auth.verdict == AUTH_UNASKED)
		x->auth.verdict = first_look(x);
	return x->auth.verdict;
}

void
basic_auth_refuse(struct exchange *x)
{
	char extra[512];
	struct own_answer a = { .status = 401, .text = slice_of(fault_text(FAULT_UNAUTHORIZED)) };

	a.extra.at = extra;
	a.extra.len = (size_t)snprintf(extra, sizeof extra,
	    "WWW-Authenticate: Basic realm=\"%.400s\", charset=\"UTF-8\"\r\n",
	    x->shaped->basic_auth->realm);
	x->fault = FAULT_UNAUTHORIZED;
	exchange_answer(x, &a);
}

void
basic_auth_forget(struct exchange *x)
{
	if (list_linked(&x->auth.node))
		list_unlink(&x->auth.node);
}
