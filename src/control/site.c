/* SPDX-License-Identifier: Apache-2.0 */
#include "control/site.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "conf/topology.h"
#include "control/needle.h"
#include "net/proxy_protocol.h"
#include "net/stream.h"
#include "net/tls_client.h"
#include "steer/endpoint.h"

struct trust {
	const struct conf_upstream_tls *conf;
	struct tls_client *client;
	bool failed;
};

struct service_sites {
	struct needle *needle;
	struct site *regions;
};

struct sites {
	struct topology *topology;
	struct service_sites *services;
	struct trust **trusts;
	unsigned trust_count;
};

static bool
text_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
file_equal(const struct conf_file *a, const struct conf_file *b)
{
	if (a->bytes == NULL || b->bytes == NULL)
		return a->bytes == b->bytes;
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool
tls_equal(const struct conf_upstream_tls *a, const struct conf_upstream_tls *b)
{
	return a->verify == b->verify && text_equal(a->sni, b->sni) && file_equal(&a->ca, &b->ca) &&
	    file_equal(&a->certificate, &b->certificate) && file_equal(&a->key, &b->key);
}

/* Regions mostly share their TLS settings, and a certificate store is megabytes. */
static struct trust *
trust_for(struct sites *s, const struct conf_upstream_tls *conf)
{
	struct trust *t;

	for (unsigned i = 0; i < s->trust_count; i++) {
		if (tls_equal(s->trusts[i]->conf, conf))
			return s->trusts[i];
	}
	t = mem_new(sizeof *t);
	t->conf = conf;
	s->trusts = mem_resize(s->trusts, (s->trust_count + 1) * sizeof(struct trust *));
	s->trusts[s->trust_count++] = t;
	return t;
}

struct sites *
sites_new(struct topology *topology)
{
	struct sites *s = mem_new(sizeof *s);

	topology_ref(topology);
	s->topology = topology;
	s->services = mem_array(topology->service_count, sizeof *s->services);
	for (unsigned i = 0; i < topology->service_count; i++) {
		const struct conf_service *conf = &topology->services[i];
		struct service_sites *service = &s->services[i];
		const char *text = conf->check.type == CHECK_TCP ? conf->check.expect
								 : conf->check.expect_body;

		if (text != NULL)
			service->needle = needle_new(text);
		service->regions = mem_array(conf->region_count, sizeof *service->regions);
		for (unsigned r = 0; r < conf->region_count; r++) {
			service->regions[r] = (struct site){
				.service = conf,
				.region = &conf->regions[r],
				.check = &conf->check,
				.needle = service->needle,
				.trust = trust_for(s, &conf->regions[r].tls),
			};
		}
	}
	return s;
}

void
sites_free(struct sites *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->topology->service_count; i++) {
		needle_free(s->services[i].needle);
		mem_free(s->services[i].regions);
	}
	for (unsigned i = 0; i < s->trust_count; i++) {
		tls_client_free(s->trusts[i]->client);
		mem_free(s->trusts[i]);
	}
	mem_free(s->trusts);
	mem_free(s->services);
	topology_unref(s->topology);
	mem_free(s);
}

struct site *
sites_at(struct sites *s, unsigned service, unsigned region)
{
	return &s->services[service].regions[region];
}

static bool
ranges_equal(const struct conf_health_check *a, const struct conf_health_check *b)
{
	if (a->expect_status_count != b->expect_status_count)
		return false;
	for (unsigned i = 0; i < a->expect_status_count; i++) {
		if (a->expect_status[i].from != b->expect_status[i].from ||
		    a->expect_status[i].to != b->expect_status[i].to)
			return false;
	}
	return true;
}

/* Intervals, rise and fall are not the probe's business: they apply from the next one on. */
bool
site_equal(const struct site *a, const struct site *b)
{
	const struct conf_health_check *x = a->check;
	const struct conf_health_check *y = b->check;

	return x->type == y->type && site_speaks_h2(a) == site_speaks_h2(b) &&
	    text_equal(x->service, y->service) && x->port == y->port &&
	    x->timeout_ms == y->timeout_ms && x->reuse == y->reuse &&
	    text_equal(x->path, y->path) && text_equal(x->method, y->method) &&
	    text_equal(x->host, y->host) && text_equal(x->expect_body, y->expect_body) &&
	    text_equal(x->send, y->send) && text_equal(x->expect, y->expect) &&
	    ranges_equal(x, y) && text_equal(a->region->host, b->region->host) &&
	    a->region->send_proxy == b->region->send_proxy &&
	    tls_equal(&a->region->tls, &b->region->tls);
}

bool
site_speaks_tls(const struct site *s, const struct endpoint *e)
{
	return s->check->type == CHECK_HTTPS || (e->tls && s->check->port == 0);
}

bool
site_speaks_h2(const struct site *s)
{
	return s->check->type == CHECK_GRPC || s->region->protocol == UPSTREAM_H2;
}

struct tls_client *
site_tls(struct site *s)
{
	struct trust *t = s->trust;
	struct error error;

	if (t->client != NULL || t->failed)
		return t->client;
	t->client = tls_client_new(t->conf, &error);
	if (t->client == NULL) {
		t->failed = true;
		log_error("health checks of %s in %s cannot use TLS: %s", s->service->name,
		    s->region->region->name, error.text);
	}
	return t->client;
}

SSL *
site_ssl(struct site *s, const struct endpoint *e, struct tls_session_slot *slot)
{
	struct tls_client *tls = site_tls(s);
	SSL *ssl = tls != NULL ? tls_client_ssl(tls, e->host, slot) : NULL;

	if (ssl == NULL || !site_speaks_h2(s) || tls_client_offer_h2(ssl))
		return ssl;
	SSL_free(ssl);
	return NULL;
}

struct sockaddr_storage
site_address(const struct site *s, const struct endpoint *e)
{
	struct sockaddr_storage a = e->addr;
	uint16_t port = s->check->port;

	if (port != 0 && a.ss_family == AF_INET)
		((struct sockaddr_in *)&a)->sin_port = htons(port);
	if (port != 0 && a.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a)->sin6_port = htons(port);
	return a;
}

bool
site_expects(const struct site *s, unsigned status)
{
	const struct conf_health_check *check = s->check;

	for (unsigned i = 0; i < check->expect_status_count; i++) {
		if (status >= check->expect_status[i].from && status <= check->expect_status[i].to)
			return true;
	}
	return false;
}

void
site_introduce(const struct site *s, struct stream *stream)
{
	struct proxy_header nobody = { .named = false };
	char header[PROXY_HEADER_WRITTEN_MAX];
	size_t len = proxy_header_write(&nobody, s->region->send_proxy, header);

	if (len > 0 && s->check->port == 0)
		stream_begin_with(stream, header, len);
}
