/*
 * Why something could not start, in words for the person who has to mend it.
 *
 * Only for start-up and reload; what happens to a request is an enum fault.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
	char text[1024];
};

/* Sets the text; a later call replaces it. */
void error_set(struct error *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "doing what WHAT: strerror(errno)" */
void error_errno(struct error *, const char *doing, const char *what);

#endif
