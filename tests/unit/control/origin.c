/* SPDX-License-Identifier: Apache-2.0 */
#include "origin.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWERS_MAX = 64, CONNECTIONS_MAX = 4096, REQUEST_MAX = 4096 };

struct connection {
	struct origin *origin;
	pthread_t thread;
	int fd;
	bool started;
};

struct origin {
	pthread_mutex_t lock;
	struct origin_answer answers[ANSWERS_MAX];
	unsigned answer_count;
	unsigned answered; /* of this script */
	unsigned requests;
	char request[REQUEST_MAX];
	SSL_CTX *ctx;
	uint16_t port;
	int fd;
	pthread_t thread;
	struct connection connections[CONNECTIONS_MAX];
	unsigned connection_count;
	unsigned joined;
};

static struct origin_answer
next_answer(struct origin *o, const char *request)
{
	struct origin_answer a;
	unsigned i;

	pthread_mutex_lock(&o->lock);
	i = o->answered < o->answer_count ? o->answered : o->answer_count - 1;
	a = o->answers[i];
	o->answered++;
	o->requests++;
	snprintf(o->request, sizeof o->request, "%s", request);
	pthread_mutex_unlock(&o->lock);
	return a;
}

static ssize_t
get(int fd, SSL *ssl, void *buf, size_t size)
{
	return ssl != NULL ? SSL_read(ssl, buf, (int)size) : recv(fd, buf, size, 0);
}

static bool
put(int fd, SSL *ssl, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = ssl != NULL ? SSL_write(ssl, bytes, (int)len)
					: send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* In pieces: TCP_NODELAY sends each at once, and a millisecond lets the reader see it alone. */
static bool
answer(int fd, SSL *ssl, const struct origin_answer *a)
{
	size_t len = a->len > 0 ? a->len : a->bytes != NULL ? strlen(a->bytes) : 0;
	size_t piece = a->piece > 0 ? a->piece : len;

	for (size_t at = 0; at < len; at += piece) {
		if (!put(fd, ssl, a->bytes + at, len - at < piece ? len - at : piece))
			return false;
		if (a->piece > 0)
			usleep(1000);
	}
	return true;
}

static void
reset(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* False: the client has gone. */
static bool
read_request(int fd, SSL *ssl, char *request)
{
	size_t len = 0;

	request[0] = '\0';
	while (strstr(request, "\r\n\r\n") == NULL) {
		ssize_t n = get(fd, ssl, request + len, REQUEST_MAX - 1 - len);

		if (n <= 0)
			return false;
		len += (size_t)n;
		request[len] = '\0';
	}
	return true;
}

static void
serve(struct origin *o, int fd, SSL *ssl)
{
	char request[REQUEST_MAX];

	while (read_request(fd, ssl, request)) {
		struct origin_answer a = next_answer(o, request);

		if (!answer(fd, ssl, &a))
			return;
		switch (a.then) {
		case ORIGIN_KEEP:
			break;
		case ORIGIN_HANG:
			while (get(fd, ssl, request, sizeof request) > 0)
				;
			return;
		case ORIGIN_RESET:
			reset(fd);
			return;
		case ORIGIN_CLOSE:
			if (ssl != NULL)
				SSL_shutdown(ssl);
			return;
		}
	}
}

static void *
run_connection(void *arg)
{
	struct connection *c = arg;
	SSL *ssl = NULL;
	int fd = c->fd;

	if (c->origin->ctx != NULL) {
		ssl = SSL_new(c->origin->ctx);
		SSL_set_fd(ssl, fd);
	}
	if (ssl == NULL || SSL_accept(ssl) == 1)
		serve(c->origin, fd, ssl);
	SSL_free(ssl);
	pthread_mutex_lock(&c->origin->lock);
	close(fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->origin->lock);
	return NULL;
}

static void *
run_origin(void *arg)
{
	struct origin *o = arg;
	int one = 1;

	for (;;) {
		int fd = accept4(o->fd, NULL, NULL, SOCK_CLOEXEC);
		struct connection *c;

		if (fd < 0 && errno == EMFILE) { /* a test has made descriptors scarce */
			usleep(1000);
			continue;
		}
		if (fd < 0)
			return NULL;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		pthread_mutex_lock(&o->lock);
		assert(o->connection_count < CONNECTIONS_MAX);
		c = &o->connections[o->connection_count++];
		c->origin = o;
		c->fd = fd;
		c->started = pthread_create(&c->thread, NULL, run_connection, c) == 0;
		assert(c->started);
		pthread_mutex_unlock(&o->lock);
	}
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1024) != 0) {
		perror("origin");
		abort();
	}
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;

	getsockname(fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

uint16_t
origin_free_port(void)
{
	int fd = listen_on(0);
	uint16_t port = port_of(fd);

	close(fd);
	return port;
}

struct origin *
origin_start(const struct origin_answer *answers, unsigned count, SSL_CTX *ctx)
{
	struct origin *o = calloc(1, sizeof *o);

	assert(o != NULL);
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets whose peer has gone */
	pthread_mutex_init(&o->lock, NULL);
	o->ctx = ctx;
	origin_script(o, answers, count);
	origin_come_back(o);
	return o;
}

void
origin_script(struct origin *o, const struct origin_answer *answers, unsigned count)
{
	assert(count > 0 && count <= ANSWERS_MAX);
	pthread_mutex_lock(&o->lock);
	memcpy(o->answers, answers, count * sizeof *answers);
	o->answer_count = count;
	o->answered = 0;
	pthread_mutex_unlock(&o->lock);
}

void
origin_come_back(struct origin *o)
{
	o->fd = listen_on(o->port);
	o->port = port_of(o->fd);
	if (pthread_create(&o->thread, NULL, run_origin, o) != 0)
		abort();
}

void
origin_go_away(struct origin *o)
{
	shutdown(o->fd, SHUT_RDWR);
	pthread_join(o->thread, NULL);
	close(o->fd);
	pthread_mutex_lock(&o->lock);
	for (unsigned i = o->joined; i < o->connection_count; i++) {
		if (o->connections[i].fd >= 0)
			shutdown(o->connections[i].fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&o->lock);
	while (o->joined < o->connection_count)
		pthread_join(o->connections[o->joined++].thread, NULL);
	o->fd = -1;
}

void
origin_stop(struct origin *o)
{
	if (o->fd >= 0)
		origin_go_away(o);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

uint16_t
origin_port(const struct origin *o)
{
	return o->port;
}

unsigned
origin_connections(struct origin *o)
{
	unsigned n;

	pthread_mutex_lock(&o->lock);
	n = o->connection_count;
	pthread_mutex_unlock(&o->lock);
	return n;
}

unsigned
origin_requests(struct origin *o)
{
	unsigned n;

	pthread_mutex_lock(&o->lock);
	n = o->requests;
	pthread_mutex_unlock(&o->lock);
	return n;
}

const char *
origin_last_request(struct origin *o, char *buf, size_t size)
{
	pthread_mutex_lock(&o->lock);
	snprintf(buf, size, "%s", o->request);
	pthread_mutex_unlock(&o->lock);
	return buf;
}

static X509 *
self_sign(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();
	char san[300];
	X509_EXTENSION *ext;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	snprintf(san, sizeof san, "DNS:%s", name);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	X509_sign(x, key, EVP_sha256());
	return x;
}

SSL_CTX *
origin_tls(const char *name, char *pem, size_t size)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = self_sign(key, name);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	SSL_CTX_use_certificate(ctx, x);
	SSL_CTX_use_PrivateKey(ctx, key);
	if (pem != NULL) {
		PEM_write_bio_X509(bio, x);
		n = BIO_read(bio, pem, (int)size - 1);
		assert(n > 0 && n < (int)size - 1);
		pem[n] = '\0';
	}
	BIO_free(bio);
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}
