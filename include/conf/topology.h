/*
 * A validated configuration: immutable once conf_load() has returned it.
 *
 * Everything hangs off one arena. Counted: conf_load() returns it with one reference, a routing
 * table built from it takes another (any thread; the count is atomic and touched only when a
 * table is built or freed).
 */
#ifndef CONF_TOPOLOGY_H
#define CONF_TOPOLOGY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/log.h"
#include "conf/access.h"
#include "conf/shaping.h"
#include "conf/where.h"

struct arena;

enum { CONF_NAME_MAX = 128 }; /* bytes of a name, of whatever it is */

struct conf_address {
	struct sockaddr_storage addr;
	socklen_t len;
	const char *text; /* "127.0.0.1:8443", "[::1]:80", "unix:/run/x.sock" */
};

/* A PEM file read at load time: privileges may be gone when a worker needs it. */
struct conf_file {
	const char *path;
	const char *bytes;
	size_t len;
};

enum conf_client_auth { CLIENT_AUTH_OFF, CLIENT_AUTH_REQUEST, CLIENT_AUTH_REQUIRE };

struct conf_certificate {
	struct conf_file chain;
	struct conf_file key;
	struct conf_where where;
	const char **names; /* from the certificate: SAN dNSNames, else CN; lower case */
	unsigned name_count;
	bool ecdsa; /* else RSA: a name may have one of each, the client's offer picks */
	int64_t not_after; /* seconds since 1970 */
};

struct conf_tls {
	const char *name;
	struct conf_certificate *certificates; /* the first is the default */
	unsigned certificate_count;
	int min_version; /* TLS1_2_VERSION or TLS1_3_VERSION */
	const char *ciphers; /* TLS 1.2 cipher list; NULL: Mozilla intermediate */
	struct conf_file client_ca; /* bytes NULL: none */
	enum conf_client_auth client_auth;
	uint32_t ticket_rotation_ms;
	struct conf_where where;
};

/* What a listener speaks. */
enum conf_protocol { PROTOCOL_HTTP, PROTOCOL_TCP, PROTOCOL_TLS_PASSTHROUGH };

/* What becomes of a tunnel (WebSocket, TCP) when its region goes down or is evacuated. */
enum conf_on_down_what { ON_DOWN_KEEP, ON_DOWN_DRAIN, ON_DOWN_RESET };

struct conf_on_down {
	enum conf_on_down_what what;
	uint32_t drain_ms; /* ON_DOWN_DRAIN: ended after that */
};

struct conf_listener {
	const char *name;
	struct conf_address bind;
	enum conf_protocol protocol;
	const struct conf_tls *tls; /* NULL: clear text */
	bool proxy_protocol; /* a PROXY header comes first, from trusted_proxies only */
	bool http2; /* by ALPN */
	bool h2c; /* in clear text, by prior knowledge */
	bool redirect_https;
	uint16_t redirect_port; /* 443 unless configured */
	struct conf_access access;
	uint32_t backlog;
	uint32_t max_connections; /* of this listener, all workers together */
	const struct conf_service *service; /* tcp: its service; tls_passthrough: for all other names */
	struct conf_on_down on_region_down; /* of its connections, unless a route says another */
	struct conf_route *server_names; /* tls_passthrough: routes by host, sorted by it */
	unsigned server_name_count;
	struct conf_where where;
};

struct conf_region {
	const char *name;
	const char *provider; /* "" if not given */
	uint32_t capacity; /* requests per second; 0: not stated */
	unsigned index; /* in topology.regions */
	struct conf_where where;
};

/* How to speak TLS to the https endpoints of one region of a service. */
struct conf_upstream_tls {
	bool verify;
	const char *sni; /* the region's host unless written; NULL: the endpoint's host name */
	struct conf_file ca; /* bytes NULL: the system's */
	struct conf_file certificate; /* client certificate; bytes NULL: none */
	struct conf_file key;
	struct conf_where where; /* file NULL: no tls block was written */
};

struct conf_endpoint {
	const char *url; /* as written, without a trailing slash */
	bool tls; /* https, tls */
	bool raw; /* tcp, tls: bytes, no HTTP */
	const char *host; /* name or literal address, without brackets */
	uint16_t port;
	bool literal; /* addr is set; no resolution */
	struct conf_address addr;
	uint32_t weight; /* 1..1000 */
	struct conf_where where;
};

/* What is spoken to the endpoints of one region of a service. */
enum conf_upstream_protocol { UPSTREAM_HTTP1, UPSTREAM_H2 };

/* The PROXY header that connections to its endpoints begin with. */
enum conf_send_proxy { SEND_PROXY_OFF, SEND_PROXY_V1, SEND_PROXY_V2 };

struct conf_service_region {
	const struct conf_region *region;
	uint32_t tier; /* 0 is preferred */
	uint32_t weight; /* 0..10000 */
	uint32_t capacity; /* of this service there, requests per second; 0: the region's, shared */
	const char *host; /* Host to send; NULL: the client's */
	enum conf_upstream_protocol protocol;
	enum conf_send_proxy send_proxy;
	struct conf_upstream_tls tls;
	struct conf_endpoint *endpoints;
	unsigned endpoint_count;
	struct conf_where where;
};

enum conf_service_protocol { SERVICE_HTTP, SERVICE_TCP };

enum conf_balance { BALANCE_LEAST_REQUEST, BALANCE_ROUND_ROBIN, BALANCE_RANDOM, BALANCE_MAGLEV };

/* What becomes of a request's header fields with '_' in their names. */
enum conf_underscores { UNDERSCORE_DROP, UNDERSCORE_KEEP, UNDERSCORE_REFUSE };

/* What becomes of "%2F" in a path. */
enum conf_encoded_slash { ENCODED_SLASH_KEEP, ENCODED_SLASH_REFUSE };

/* What becomes of "//" in a path. */
enum conf_slashes { SLASHES_KEEP, SLASHES_MERGE, SLASHES_REFUSE };

/* Which way a Via field is added. */
enum conf_via { VIA_OFF, VIA_REQUESTS, VIA_BOTH };

/* What maglev hashes. */
enum conf_hash_on { HASH_CLIENT_IP, HASH_PATH, HASH_HEADER, HASH_COOKIE };

enum conf_check_type { CHECK_NONE, CHECK_TCP, CHECK_HTTP, CHECK_HTTPS, CHECK_GRPC };

struct conf_status_range {
	uint16_t from;
	uint16_t to;
};

struct conf_health_check {
	enum conf_check_type type;
	const char *path;
	const char *method; /* "GET" */
	const char *host; /* NULL: as traffic's */
	const char *service; /* that a gRPC check asks for; "": the server as a whole */
	uint16_t port; /* 0: the endpoint's */
	struct conf_status_range *expect_status; /* 200-399 */
	unsigned expect_status_count;
	const char *expect_body; /* text that must occur in the first 16 KiB; NULL: any */
	const char *send; /* tcp: bytes to send first; NULL: none */
	const char *expect; /* tcp: text that must occur in the first 16 KiB; NULL: none */
	uint32_t interval_ms;
	uint32_t fast_interval_ms; /* in transition */
	uint32_t timeout_ms;
	uint32_t fall;
	uint32_t rise;
	uint32_t jitter_pct;
	bool reuse; /* keep the probe's connection (http, https) */
	struct conf_where where; /* file NULL: no block was written, type is CHECK_NONE */
};

struct conf_retry {
	uint32_t attempts; /* 1..3 tries that may have been sent */
	double budget;
	const uint16_t *on_status;
	unsigned on_status_count;
	uint32_t budget_floor; /* retries a second in any case */
	uint32_t backoff_ms;
	uint32_t backoff_max_ms;
	uint32_t replay_buffer_bytes;
	struct conf_where where; /* file NULL: no block was written */
};

struct conf_timeouts { /* ms; 0: none */
	uint32_t connect; /* TCP and TLS */
	uint32_t try_; /* request sent to first byte of the answer */
	uint32_t request; /* last byte in to first byte of the answer, all tries together */
	uint32_t unacknowledged; /* bytes of a try, by the endpoint's kernel */
	uint32_t idle; /* no progress of a body, either way */
	uint32_t tunnel; /* nothing moves in a tunnel, either way */
};

struct conf_limits { /* of one endpoint, all workers together */
	uint32_t max_connections;
	uint32_t max_streams; /* of one HTTP/2 connection */
	uint32_t max_requests; /* the same, one after the other */
	uint32_t max_age_ms; /* the same; 0: none */
	uint32_t max_waiting;
	uint32_t max_wait_ms;
	uint32_t keep_alive_ms; /* an idle connection is kept this long */
	uint32_t keep_alive_connections; /* idle ones kept per endpoint and worker */
	uint32_t tcp_keepalive_ms;
	uint32_t tcp_keepalive_interval_ms;
	uint32_t tcp_keepalive_probes;
};

enum conf_spill { CONF_SPILL_GRADUAL, CONF_SPILL_ALL_DOWN };
enum conf_all_down { ALL_DOWN_FAIL_OPEN, ALL_DOWN_FAIL_CLOSED };
enum conf_failback { FAILBACK_AUTO, FAILBACK_MANUAL };

struct conf_failover {
	double overprovisioning;
	double panic_threshold;
	double max_utilization;
	double min_healthy;
	double standby_share;
	double sensor_share;
	enum conf_spill spill;
	enum conf_all_down all_down;
	enum conf_failback failback;
	uint32_t hold_down_ms;
	uint32_t ramp_ms;
	uint32_t warm_up_ms;
	uint32_t warm_connections; /* per worker and standby endpoint */
};

/* When live traffic takes an endpoint out. */
struct conf_outlier {
	uint32_t consecutive;
	double failure_share;
	uint32_t base_ms;
	uint32_t max_ms;
	double max_ejected;
	uint32_t slow_start_ms;
	struct conf_where where; /* file NULL: no block was written */
};

struct conf_service {
	const char *name;
	unsigned index; /* in topology.services */
	enum conf_service_protocol protocol;
	enum conf_balance balance;
	enum conf_hash_on hash_on;
	const char *hash_name; /* of the header or cookie */
	struct conf_service_region *regions;
	unsigned region_count;
	struct conf_health_check check;
	struct conf_retry retry;
	struct conf_timeouts timeouts;
	struct conf_limits limits;
	struct conf_failover failover;
	struct conf_outlier outlier;
	enum conf_via via;
	struct conf_sticky *sticky; /* NULL: none */
	struct conf_edits *request_headers; /* NULL: none; behind them those of the route */
	struct conf_edits *response_headers;
	struct conf_where where;
};

enum conf_priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH };

struct conf_route {
	const char *name; /* as given, or "host/path" */
	const char *host; /* "" any; "a.b"; "*.b" (one or more labels) ; lower case */
	const char *path; /* "/..." */
	bool exact; /* path, not prefix */
	const struct conf_listener *listener; /* its server names only; NULL: requests of all others */
	const char **methods; /* conditions: one of these; none: any */
	unsigned method_count;
	struct conf_match *headers; /* all of these */
	unsigned header_count;
	struct conf_match *query; /* and all of these */
	unsigned query_count;
	unsigned conditions; /* how many there are: the more are looked at first */
	const struct conf_service *service; /* NULL: redirect, or splits */
	struct conf_split *splits;
	unsigned split_count;
	const char *rewrite_prefix; /* NULL: none */
	const struct regex *rewrite_regex; /* NULL: none */
	const char *rewrite_to; /* a template: the path that rewrite_regex matches becomes this */
	const char *redirect; /* target, a template; NULL: none */
	const struct regex *redirect_regex; /* only paths that match; NULL: all */
	struct conf_edits *request_headers; /* NULL: none, as below */
	struct conf_edits *response_headers;
	struct conf_cors *cors;
	struct conf_basic_auth *basic_auth;
	struct conf_mirror *mirror;
	uint64_t max_body_bytes; /* 0: as limits say */
	bool gzip; /* compress answers */
	bool shaped; /* derived: any of these */
	uint16_t redirect_status;
	bool redirect_https;
	struct conf_access access;
	enum conf_priority priority;
	struct conf_on_down on_region_down;
	struct conf_where where;
};

/* A rule that moves made by people and by failback must respect: one of four kinds. */
struct conf_safety_region {
	const struct conf_region *region;
	struct conf_where where;
};

struct conf_safety {
	const char *name; /* the kind's key unless given */
	uint32_t at_least; /* regions that must serve, of the set; 0: another kind */
	struct conf_safety_region *regions; /* the set; none: all */
	unsigned region_count;
	struct conf_safety_region *never_together;
	unsigned never_together_count; /* 0: another kind */
	bool capacity;
	uint32_t wait_ms; /* between changes; 0: another kind */
	struct conf_where where;
};

struct conf_admin {
	struct conf_address bind; /* len 0: off */
	const char *socket; /* path; "" off */
};

enum conf_log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct conf_log {
	const char *access; /* "stdout", "stderr", "off" or a file's path */
	enum conf_log_format format;
	enum log_level level;
};

enum conf_seccomp { SECCOMP_ENFORCE, SECCOMP_LOG, SECCOMP_OFF };

struct conf_process {
	enum conf_seccomp seccomp;
	bool core_dumps;
	uint32_t stall_warning_ms; /* 0: never */
	uint32_t stall_abort_ms;   /* 0: never */
};

/* Limits on clients, the whole process. */
struct conf_client_limits {
	uint32_t max_connections;
	uint32_t max_connections_per_client; /* 0: any number */
	uint32_t proxy_header_ms;
	uint32_t request_line_bytes;
	uint32_t header_bytes;
	uint32_t header_line_bytes;
	uint32_t header_fields;
	enum conf_underscores underscores;
	enum conf_encoded_slash encoded_slash;
	enum conf_slashes slashes;
	uint64_t max_body_bytes; /* 0: unlimited */
	uint32_t tls_handshake_ms;
	uint32_t request_head_ms; /* total, not idle */
	uint32_t body_idle_ms;
	uint32_t keep_alive_ms;
	uint32_t send_stall_ms;
	uint32_t min_rate_bytes; /* per second, after min_rate_grace_ms */
	uint32_t min_rate_grace_ms;
	uint32_t max_age_ms; /* of a connection; 0: none */
	uint32_t h2_max_streams; /* of a connection, at a time */
	uint32_t h2_max_requests; /* of a connection, before it is asked to make another */
	uint32_t h2_requests_per_turn;
	uint32_t h2_stream_window_bytes;
	uint32_t h2_connection_window_bytes;
	uint32_t h2_max_frame_bytes;
	uint32_t h2_header_table_bytes; /* HPACK's, of each direction */
	uint32_t h2_continuations;      /* frames of one header section */
	uint32_t h2_max_resets;         /* in h2_reset_window_ms */
	double h2_reset_share;          /* of the requests in it, from so many on: */
	uint32_t h2_reset_requests;
	uint32_t h2_reset_window_ms;
	uint32_t h2_max_errors;       /* in it: resets that broken rules made us send */
	uint32_t h2_max_queued;       /* frames that wait for the client */
	uint32_t h2_memory_bytes;     /* of a connection; each stream allowed adds some */
	uint64_t replay_memory_bytes; /* bodies kept for another try, all together */
	struct conf_where where;      /* file NULL: no block was written */
};

/* What is done as memory runs out: from which part of limit_bytes on. */
struct conf_memory {
	uint64_t limit_bytes; /* resolved; 0, in tests: none */
	double shed;
	double shrink;
	double stop;
	struct conf_where where; /* file NULL: no block was written */
};

struct conf_resolver {
	const char *servers; /* "10.0.0.2,10.0.0.3:5353"; NULL: the system's */
	uint32_t timeout_ms;
	uint32_t min_ttl_ms;
	uint32_t max_ttl_ms;
	uint32_t max_addresses;
	struct conf_where where; /* file NULL: no block was written */
};

struct topology {
	struct arena *arena;   /* owns everything below, */
	struct arena *secrets; /* but the bytes of private keys; NULL: none */
	atomic_uint refs;
	const char *path; /* of the main file */

	uint32_t workers; /* resolved: at least 1 */
	const char *user; /* NULL: stay who we are */
	const char *state_dir; /* "" none */
	uint32_t drain_delay_ms;
	uint32_t drain_timeout_ms;
	uint32_t drain_hard_stop_ms; /* from the same moment; 0: none */

	struct ip_set trusted_proxies;
	const char *client_ip_header; /* the field that names the client, from those */
	struct conf_client_limits client;
	struct conf_memory memory;
	struct conf_resolver resolver;
	struct conf_admin admin;
	struct conf_log log;
	struct conf_process process;

	struct conf_listener *listeners;
	unsigned listener_count;
	bool listeners_have_rules; /* about access, any of them */
	struct conf_tls *tls;
	unsigned tls_count;
	struct conf_region *regions;
	unsigned region_count;
	struct conf_service *services;
	unsigned service_count;
	bool sends_proxy; /* any of their regions */
	struct conf_route *routes;
	unsigned route_count;
	struct conf_safety *safety;
	unsigned safety_count;
};

/* What is spoken there, as a URL's scheme: "https", "tcp", "tls" (ended here), "passthrough". */
const char *conf_listener_scheme(const struct conf_listener *);

void topology_ref(struct topology *);
void topology_unref(struct topology *); /* the last one frees it */

#endif
