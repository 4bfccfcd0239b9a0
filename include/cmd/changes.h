/*
 * What a reload changes, in a few words for the journal and the log.
 */
#ifndef CMD_CHANGES_H
#define CMD_CHANGES_H

#include <stddef.h>

struct topology;

/*
 * Appends to the text that ends somewhere in the size bytes at buf: "services added: blog; services
 * changed: shop (failover.hold_down); endpoints of shop in west removed: http://10.0.0.2:80 and 3
 * more". Names only, no values; what does not fit is counted. "the same as before" where nothing
 * differs.
 */
void changes_say(const struct topology *before, const struct topology *now, char *buf, size_t size);

#endif
