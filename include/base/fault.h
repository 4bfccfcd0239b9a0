/*
 * The faults that can end a try or a request; fault.def is the list.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

enum fault_class { FAULT_FINAL, FAULT_NOT_SENT, FAULT_MAYBE_SENT };
enum fault_origin { FAULT_NOBODY, FAULT_CLIENT, FAULT_PROXY, FAULT_LOCAL, FAULT_UPSTREAM };

#define FAULT(name, word, status, class, origin, text) FAULT_##name,
enum fault {
#include "base/fault.def"
	FAULT_COUNT
};
#undef FAULT

const char *fault_word(enum fault); /* for logs and metric labels */
const char *fault_text(enum fault); /* for people */
unsigned fault_status(enum fault); /* HTTP status sent to the client; 499: none is sent */
enum fault_class fault_class(enum fault);
enum fault_origin fault_origin(enum fault);

/* The fault for the errno of a failed connect, read or write. */
enum fault fault_from_connect_errno(int err);
enum fault fault_from_io_errno(int err);

#endif
