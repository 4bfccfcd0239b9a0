/*
 * What all probes into one region of one service share: the check, how to speak TLS, the text to
 * look for. Made from a topology, replaced with it.
 *
 * Control thread only.
 */
#ifndef CONTROL_SITE_H
#define CONTROL_SITE_H

#include <openssl/types.h>
#include <stdbool.h>
#include <sys/socket.h>

struct conf_health_check;
struct conf_service;
struct conf_service_region;
struct endpoint;
struct needle;
struct sites;
struct stream;
struct tls_client;
struct tls_session_slot;
struct topology;
struct trust;

struct site {
	const struct conf_service *service;
	const struct conf_service_region *region;
	const struct conf_health_check *check; /* of the service */
	const struct needle *needle; /* the expected text, or NULL */
	struct trust *trust; /* owned by the sites, shared by regions with equal TLS settings */
};

/* Takes a reference on the topology. Reads nothing and makes no TLS state yet. */
struct sites *sites_new(struct topology *);
void sites_free(struct sites *);
/* Indices as in the topology. Valid as long as the sites. */
struct site *sites_at(struct sites *, unsigned service, unsigned region);

/*
 * Would a probe under b be the same as one under a? Then a running one may go on after a reload.
 */
bool site_equal(const struct site *a, const struct site *b);

/*
 * TLS as traffic speaks it, unless the check has a port of its own: then its type alone says so.
 */
bool site_speaks_tls(const struct site *, const struct endpoint *);
/* HTTP/2, because the region's endpoints do, or because the check is gRPC's. */
bool site_speaks_h2(const struct site *);
/*
 * The TLS client, made at the first call: reading the system's certificates takes milliseconds
 * that a topology without https endpoints need not spend. NULL: it cannot be made (logged once).
 */
struct tls_client *site_tls(struct site *);
/* An SSL for a probe. NULL: there can be no TLS with this endpoint, and never clear text instead. */
SSL *site_ssl(struct site *, const struct endpoint *, struct tls_session_slot *);

/* Where a probe goes: the endpoint, at the check's port if it has one. */
struct sockaddr_storage site_address(const struct site *, const struct endpoint *);
/* Is it a good status? */
bool site_expects(const struct site *, unsigned status);

/*
 * Where connections begin with a PROXY header so does this one, whose stream was just told to
 * connect: it is our own. Behind a port of its own there is somebody else than for traffic.
 */
void site_introduce(const struct site *, struct stream *);

#endif
