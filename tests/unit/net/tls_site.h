/*
 * The certificates of the site under test and of its clients.
 */
#ifndef TEST_NET_TLS_SITE_H
#define TEST_NET_TLS_SITE_H

#include "tls_fixture.h"

extern struct issued *ca, *shop_ec, *shop_rsa, *wild, *other;
extern struct issued *good_client, *foreign_client, *expired_client;
/* shop.test twice (EC, RSA), *.wild.test, other.test */
extern struct conf_certificate certificates[4];

/* Once, before Check forks: keys are costly. */
void site_make(void);
/* Which of the site's certificates it is; NULL: none. */
const struct issued *site_identify(const X509 *);

#endif
