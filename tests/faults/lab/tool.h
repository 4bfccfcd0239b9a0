/* What the programs of the lab are made of: how they say why they end, the clock, orders on stdin.
 */
#ifndef LAB_TOOL_H
#define LAB_TOOL_H

#include <netinet/in.h>
#include <stdint.h>

struct event_base;

extern const char *tool_name;

_Noreturn void tool_die(const char *what, const char *why); /* exit code 2 */
int64_t tool_now_us(void);                                  /* CLOCK_MONOTONIC */
struct sockaddr_in tool_address(const char *text);          /* "1.2.3.4:80" */
struct event_base *tool_base(void);                         /* whose timers are precise */
/* obey() gets each line from stdin; on_end() once, when it closes. */
void tool_orders(struct event_base *, void (*obey)(const char *), void (*on_end)(void));

#endif
