/* SPDX-License-Identifier: Apache-2.0 */
#include "chars.h"

#define IN(c, low, high) ((c) >= (low) && (c) <= (high))
#define ALNUM(c) (IN(c, '0', '9') || IN(c, 'A', 'Z') || IN(c, 'a', 'z'))
#define UNRESERVED(c) (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define HOST(c) (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_')
#define SUB_DELIM(c) ((c) == '!' || (c) == '$' || IN(c, '&', ',') || (c) == ';' || (c) == '=')
#define PATH(c) (UNRESERVED(c) || SUB_DELIM(c) || (c) == ':' || (c) == '@' || (c) == '/')
#define QUERY(c)                                                                                   \
	(IN(c, 0x21, 0x7e) && (c) != '"' && (c) != '#' && (c) != '<' && (c) != '>' && (c) != '\\')
#define TOKEN(c)                                                                                   \
	(ALNUM(c) || (c) == '!' || IN(c, '#', '\'') || (c) == '*' || (c) == '+' || (c) == '-' ||   \
	    (c) == '.' || IN(c, '^', '`') || (c) == '|' || (c) == '~')
#define HEX(c) (IN(c, '0', '9') || IN(c, 'A', 'F') || IN(c, 'a', 'f'))

#define CLASSES(c)                                                                                 \
	((TOKEN(c) ? CHAR_TOKEN : 0) | (PATH(c) ? CHAR_PATH : 0) | (QUERY(c) ? CHAR_QUERY : 0) |   \
	    (HOST(c) ? CHAR_HOST : 0) | (UNRESERVED(c) ? CHAR_UNRESERVED : 0) |                    \
	    (HEX(c) ? CHAR_HEX : 0) | ((c) == '_' ? CHAR_UNDERSCORE : 0))
#define FOUR(c) CLASSES(c), CLASSES((c) + 1), CLASSES((c) + 2), CLASSES((c) + 3)
#define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)

/* Bytes from 0x80 on have no class: nowhere but in a field value or a reason may they stand. */
const uint8_t char_classes[256] = { SIXTEEN(0x00), SIXTEEN(0x10), SIXTEEN(0x20), SIXTEEN(0x30),
	SIXTEEN(0x40), SIXTEEN(0x50), SIXTEEN(0x60), SIXTEEN(0x70) };
