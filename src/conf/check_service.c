/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "conf/certificate.h"
#include "conf/load.h"
#include "conf/names.h"

#define MOST_BODY (16 * 1024)
#define MOST_REGIONS 64 /* what a bit set and the steering core hold */

static void
check_upstream_tls(
    struct load *l, const struct conf_service *s, const struct conf_service_region *r)
{
	const struct conf_upstream_tls *tls = &r->tls;
	bool https = s->check.type == CHECK_HTTPS;
	struct error e;

	for (unsigned i = 0; i < r->endpoint_count; i++)
		https = https || r->endpoints[i].tls;
	if (!https)
		report_warning(&l->report, &tls->where,
		    "tls has no effect: none of the region's endpoints is https; write https:// "
		    "in their URLs or remove it");
	if (https && !tls->verify)
		report_warning(&l->report, &tls->where,
		    "verify = false: anyone between here and the endpoints can pose as them; "
		    "name their CA with ca = \"...\" instead");
	if (tls->ca.bytes != NULL && !conf_ca_inspect(&tls->ca, &e))
		report_error(&l->report, &tls->where, "ca: %s", e.text);
	if ((tls->certificate.path == NULL) != (tls->key.path == NULL))
		report_error(&l->report, &tls->where,
		    "tls has a %s but no %s; a client certificate needs both",
		    tls->key.path == NULL ? "certificate" : "key",
		    tls->key.path == NULL ? "key" : "certificate");
	if (tls->certificate.bytes != NULL && tls->key.bytes != NULL &&
	    !conf_key_pair_inspect(&tls->certificate, &tls->key, &e))
		report_error(&l->report, &tls->where, "certificate: %s", e.text);
}

static void
check_urls(struct load *l, const struct conf_service_region *r)
{
	struct names *urls = names_new();

	for (unsigned i = 0; i < r->endpoint_count; i++) {
		const struct conf_endpoint *one = &r->endpoints[i];
		const struct name *other =
		    one->url == NULL ? NULL : names_add(urls, one->url, one, one->where);

		if (other != NULL)
			report_error(&l->report, &one->where,
			    "endpoint %s is in this region already (%s:%u); remove one, or write "
			    "a weight",
			    one->url, other->where.file, other->where.line);
	}
	names_free(urls);
}

/* A tier in which all weights are zero could never be sent anything. */
static void
check_weights(struct load *l, const struct conf_service *s)
{
	uint64_t sums[16] = { 0 };
	bool told[16] = { 0 };

	if (s->where.flawed) /* a weight may be what could not be read */
		return;
	for (unsigned i = 0; i < s->region_count; i++)
		sums[s->regions[i].tier] += s->regions[i].weight;
	for (unsigned i = 0; i < s->region_count; i++) {
		const struct conf_service_region *r = &s->regions[i];

		if (sums[r->tier] != 0 || told[r->tier])
			continue;
		told[r->tier] = true;
		report_error(&l->report, &r->where,
		    "all regions of tier %u have weight 0, so the tier can take no traffic; give "
		    "one a weight",
		    r->tier);
	}
}

static void
check_regions(struct load *l, const struct conf_service *s)
{
	struct names *regions = names_new();

	for (unsigned i = 0; i < s->region_count; i++) {
		const struct conf_service_region *r = &s->regions[i];
		const char *name = r->region == NULL ? NULL : r->region->name;
		const struct name *other =
		    name == NULL ? NULL : names_add(regions, name, r, r->where);

		if (other != NULL)
			report_error(&l->report, &r->where,
			    "the service names region \"%s\" already (%s:%u); put all endpoints "
			    "of a region together",
			    name, other->where.file, other->where.line);
		check_urls(l, r);
		if (r->tls.where.file != NULL)
			check_upstream_tls(l, s, r);
	}
	names_free(regions);
}

static void
check_hashing(struct load *l, const struct conf_service *s)
{
	bool wants_name = s->hash_on == HASH_HEADER || s->hash_on == HASH_COOKIE;

	if (wants_name && s->hash_name == NULL)
		report_error(&l->report, &s->where,
		    "hash_on = \"%s\" does not say which one; add hash_name = \"...\";",
		    s->hash_on == HASH_HEADER ? "header" : "cookie");
	if (!wants_name && s->hash_name != NULL)
		report_warning(&l->report, &s->where,
		    "hash_name has no effect; write hash_on = \"header\" or \"cookie\", or "
		    "remove it");
	if (wants_name && s->balance != BALANCE_MAGLEV)
		report_warning(&l->report, &s->where,
		    "hash_on has no effect; write balance = \"maglev\" or remove it");
}

void
check_service(struct load *l, const struct conf_service *s)
{
	const struct conf_health_check *health = &s->check;

	if (s->region_count > MOST_REGIONS)
		report_error(&l->report, &s->where,
		    "the service has %u regions, and %d is the most; put endpoints together",
		    s->region_count, MOST_REGIONS);
	if (s->outlier.where.file != NULL && s->outlier.base_ms > s->outlier.max_ms)
		report_error(&l->report, &s->outlier.where,
		    "outlier.base is longer than outlier.max; write a shorter one");
	check_regions(l, s);
	check_weights(l, s);
	check_hashing(l, s);
	check_edits(l, s->request_headers);
	check_edits(l, s->response_headers);
	check_protocol(l, s);
	if (health->expect_body != NULL && strlen(health->expect_body) > MOST_BODY)
		report_error(&l->report, &health->where,
		    "expect_body is longer than the 16 KiB of an answer that are looked at; "
		    "write a shorter text");
}
