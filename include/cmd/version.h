/*
 * Which build this is.
 */
#ifndef CMD_VERSION_H
#define CMD_VERSION_H

const char *version_text(void);   /* "0.1.0" */
const char *version_commit(void); /* of the tree it was built from, or "unknown" */

#endif
