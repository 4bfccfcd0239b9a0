// SPDX-License-Identifier: Apache-2.0
#include "net/openssl_bio.h"

#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/stream.h"

static BIO_METHOD *method;

static int
on_read(BIO *bio, char *buf, int size)
{
	bool retry;
	int n = stream_bio_read(BIO_get_data(bio), buf, size, &retry);

	BIO_clear_retry_flags(bio);
	if (retry)
		BIO_set_retry_read(bio);
	return n;
}

static int
on_write(BIO *bio, const char *data, int len)
{
	BIO_clear_retry_flags(bio);
	return stream_bio_write(BIO_get_data(bio), data, len);
}

static long
on_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	if (cmd == BIO_CTRL_FLUSH)
		return 1;
	if (cmd == BIO_CTRL_EOF)
		return stream_bio_eof(BIO_get_data(bio));
	return 0;
}

void
openssl_bio_attach(SSL *ssl, struct stream *s)
{
	BIO *bio = BIO_new(method);

	if (bio == NULL)
		abort();
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
}

struct stream *
openssl_bio_stream(const SSL *ssl)
{
	return BIO_get_data(SSL_get_rbio(ssl));
}

/*
 * With SSL_MODE_RELEASE_BUFFERS an idle connection holds no record buffer, and each request takes
 * and frees two of them, and with them four of OpenSSL's 40-byte notes on how a record is being
 * put together. Each thread keeps a few of either at hand and the request path asks the system
 * for nothing.
 */
enum { RECORD_MIN = 16 * 1024, RECORD_BLOCK = 18 * 1024, RECORDS_KEPT = 32 };
enum { NOTE_BLOCK = 40, NOTES_KEPT = 64 };

struct block_cache {
	void *records[RECORDS_KEPT];
	void *notes[NOTES_KEPT];
	unsigned record_count;
	unsigned note_count;
};

static __thread struct block_cache cache;
static pthread_key_t cache_key;

static void
cache_drop(void *arg)
{
	struct block_cache *c = arg;

	while (c->record_count > 0)
		free(c->records[--c->record_count]);
	while (c->note_count > 0)
		free(c->notes[--c->note_count]);
}

static bool
is_record(size_t size)
{
	return size >= RECORD_MIN && size <= RECORD_BLOCK;
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	if (size == NOTE_BLOCK && cache.note_count > 0)
		return cache.notes[--cache.note_count];
	if (is_record(size)) {
		if (cache.record_count > 0)
			return cache.records[--cache.record_count];
		size = RECORD_BLOCK;
	}
	mem_count_one();
	return malloc(size);
}

/* Any block of a size serves again, whatever it was asked for. */
static bool
cache_keep(void *p, size_t usable)
{
	bool first = cache.record_count == 0 && cache.note_count == 0;

	/* The C library rounds up, and by more when what is left over would be too little. */
	if (usable >= NOTE_BLOCK && usable <= NOTE_BLOCK + 16 && cache.note_count < NOTES_KEPT)
		cache.notes[cache.note_count++] = p;
	else if (usable >= RECORD_BLOCK && usable < RECORD_BLOCK + 64 &&
	    cache.record_count < RECORDS_KEPT)
		cache.records[cache.record_count++] = p;
	else
		return false;
	if (first)
		pthread_setspecific(cache_key, &cache);
	return true;
}

static void
openssl_free(void *p, const char *file, int line)
{
	if (p != NULL && !cache_keep(p, malloc_usable_size(p)))
		free(p);
}

static void *
openssl_realloc(void *p, size_t size, const char *file, int line)
{
	mem_count_one();
	return realloc(p, size);
}

void
stream_init_openssl(void)
{
	if (method != NULL)
		return;
	if (pthread_key_create(&cache_key, cache_drop) != 0)
		abort();
	/* Refused once OpenSSL has allocated: then its own allocator stays, only uncounted. */
	CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "detour stream");
	if (method == NULL)
		abort();
	BIO_meth_set_read(method, on_read);
	BIO_meth_set_write(method, on_write);
	BIO_meth_set_ctrl(method, on_ctrl);
}
