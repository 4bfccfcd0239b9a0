/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_site.h"

#include "base/bytes.h"

static const char *shop_names[] = { "shop.test", NULL };
static const char *wild_names[] = { "*.wild.test", NULL };
static const char *other_names[] = { "other.test", NULL };

struct issued *ca, *shop_ec, *shop_rsa, *wild, *other;
struct issued *good_client, *foreign_client, *expired_client;
struct conf_certificate certificates[4];

void
site_make(void)
{
	struct issued *stranger;

	ca = issue((struct issuing){ .subject = "test CA", .ca = true });
	stranger = issue((struct issuing){ .subject = "strange CA", .ca = true });
	shop_ec = issue((struct issuing){ .subject = "shop ec", .issuer = ca });
	shop_rsa = issue((struct issuing){ .subject = "shop rsa", .issuer = ca, .rsa = true });
	wild = issue((struct issuing){ .subject = "wild", .issuer = ca });
	other = issue((struct issuing){ .subject = "other", .issuer = ca });
	good_client = issue((struct issuing){ .subject = "client", .issuer = ca });
	foreign_client = issue((struct issuing){ .subject = "foreign", .issuer = stranger });
	expired_client = issue((struct issuing){
	    .subject = "expired", .issuer = ca, .not_before = -2 * DAY, .not_after = -DAY });
	certificates[0] = certificate_of(shop_ec, shop_names);
	certificates[1] = certificate_of(shop_rsa, shop_names);
	certificates[2] = certificate_of(wild, wild_names);
	certificates[3] = certificate_of(other, other_names);
}

const struct issued *
site_identify(const X509 *x)
{
	const struct issued *all[] = { shop_ec, shop_rsa, wild, other };

	for (size_t i = 0; x != NULL && i < ARRAY_SIZE(all); i++)
		if (X509_cmp(x, all[i]->x509) == 0)
			return all[i];
	return NULL;
}
