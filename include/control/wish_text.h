/*
 * May this text, which a person sent, be shown to others? Pure.
 */
#ifndef CONTROL_WISH_TEXT_H
#define CONTROL_WISH_TEXT_H

#include <stdbool.h>

/*
 * False: it holds a control character (C0 or DEL, or C1 as UTF-8), which would act on the terminal
 * of whoever reads it. The text is UTF-8.
 */
bool wish_text_is_plain(const char *text);
/* Puts a question mark in the place of each. */
void wish_text_make_plain(char *text);

#endif
