/*
 * The status as people read it: a table per service. Pure.
 */
#ifndef CMD_STATUS_TABLE_H
#define CMD_STATUS_TABLE_H

#include <jansson.h>
#include <stdio.h>

/* status is what GET /v1/status says; lines are cut at width (0: not at all). */
void status_table_print(FILE *, const json_t *status, unsigned width);

#endif
