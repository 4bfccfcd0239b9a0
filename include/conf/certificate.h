/*
 * Certificates as configuration: read, inspected and checked when the file is loaded, so that a
 * worker never meets a bad one. Main thread.
 */
#ifndef CONF_CERTIFICATE_H
#define CONF_CERTIFICATE_H

#include <stdbool.h>

#include "base/error.h"
#include "conf/topology.h"

struct arena;

/*
 * Checks that the PEM chain parses and the key matches it, and fills names (SAN dNSNames, else
 * CN; lower case), ecdsa and not_after. False with an error that names the file.
 */
bool conf_certificate_inspect(struct conf_certificate *, struct arena *, struct error *);

/* Checks that every certificate of a CA bundle parses and that there is at least one. */
bool conf_ca_inspect(const struct conf_file *, struct error *);

/* Checks that a client certificate and its key match. */
bool conf_key_pair_inspect(const struct conf_file *chain, const struct conf_file *key,
    struct error *);

#endif
