/*
 * A route's requests shared between services: which of them answers this one.
 */
#ifndef PROXY_SPLIT_H
#define PROXY_SPLIT_H

struct conf_route;
struct conf_service;
struct exchange;

/*
 * The service that the request asks for, by a header first, then by a cookie; else one by weight,
 * of those that it does not refuse. The route has splits.
 */
const struct conf_service *split_choose(const struct conf_route *, struct exchange *);

#endif
