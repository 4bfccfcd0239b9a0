/*
 * A certificate for trying things out: ECDSA P-256, self-signed, for localhost, made on the spot.
 */
#ifndef CMD_SELF_SIGNED_H
#define CMD_SELF_SIGNED_H

#include <stdbool.h>

#include "base/error.h"

/* Writes both as PEM, the key readable by us alone. */
bool self_signed_write(const char *chain_path, const char *key_path, struct error *);

#endif
