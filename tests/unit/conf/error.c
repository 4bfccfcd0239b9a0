/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of mistake, with the exact text and place of what is said about it. */
#include "base/bytes.h"
#include "helper.h"

struct mistake {
	struct parts parts; /* each part is on a line of its own: top 1, listener 2, tls 3, ... */
	const char *problem;
};

static const struct mistake mistakes[] = {
	/* Types. */
	{ { .top = "workers = \"two\";" },
	    "t.conf:1: workers: an integer was expected, found \"two\"; write digits without "
	    "quotes" },
	{ { .top = "workers = 1.5;" },
	    "t.conf:1: workers: an integer was expected, found 1.5; write a whole number" },
	{ { .top = "user = \"nobdy\";" },
	    "t.conf:1: warning: user: there is no user \"nobdy\" on this machine, and without it Detour "
	    "does not start; create it, or name another" },
	{ { .top = "log = { level = \"info\";\naccess = \"/nonexistent/a.log\"; };" },
	    "t.conf:2: access: there is no directory \"/nonexistent\" for the access log; create it, "
	    "or name another file" },
	{ { .top = "log = { access = \"journald\"; };" },
	    "t.conf:1: access: \"journald\" is no place that is known; write \"stdout\", which "
	    "systemd's journal takes, \"stderr\", \"off\" or a path (\"./journald\" for a file of "
	    "that name)" },
	{ { .top = "log = { access = \"syslog:server=10.0.0.1\"; };" },
	    "t.conf:1: access: \"syslog:server=10.0.0.1\" is no place that is known; write "
	    "\"stdout\", which systemd's journal takes, \"stderr\", \"off\" or a path "
	    "(\"./syslog:server=10.0.0.1\" for a file of that name)" },
	{ { .top = "log = { access = \"127.0.0.1\"; };" },
	    "t.conf:1: access: \"127.0.0.1\" is no place that is known; write \"stdout\", which "
	    "systemd's journal takes, \"stderr\", \"off\" or a path (\"./127.0.0.1\" for a file of "
	    "that name)" },
	{ { .top = "log = { access = \"/dev/\"; };" },
	    "t.conf:1: access: \"/dev/\" is a directory; name a file in it" },
	{ { .top = "\nstate_dir = \"/nonexistent/a/\";" },
	    "t.conf:2: warning: state_dir: there is no directory \"/nonexistent\" to make it in; "
	    "create it, or name another place" },
	{ { .top = "workers = true;" },
	    "t.conf:1: workers: an integer was expected, found true; write digits without quotes" },
	{ { .top = "workers = -1;" },
	    "t.conf:1: workers: -1 is out of range; write a value from 0 to 1024" },
	{ { .top = "workers = 5000000000;" },
	    "t.conf:1: 5000000000 is too large for an integer; write one up to 2147483647" },
	{ { .top = "limits = { max_connections = 0x100000001; };" },
	    "t.conf:1: 0x100000001 is too large for an integer; write one up to 2147483647" },
	{ { .top = "limits = { max_connections = 4294967297L; };" },
	    "t.conf:1: max_connections: 4294967297 is out of range; write a value from 1 to "
	    "10000000" },
	{ { .top = "limits = { max_connections = 99999999999999999999L; };" },
	    "t.conf:1: 99999999999999999999L is too large for an integer; write one up to "
	    "2147483647" },
	{ { .top = "user = 7;" }, "t.conf:1: user: a text was expected, found 7; write \"7\"" },
	{ { .top = "user = ( \"a\" );" },
	    "t.conf:1: user: a text was expected, found a list ( ); write it in quotes" },
	{ { .listener = "redirect_https = 1;" },
	    "t.conf:2: redirect_https: true or false was expected, found 1; write redirect_https = "
	    "true or redirect_https = false" },
	{ { .listener = "redirect_https = \"true\";" },
	    "t.conf:2: redirect_https: true or false was expected, found \"true\"; write "
	    "redirect_https = true or redirect_https = false" },
	{ { .top = "limits = ( );" },
	    "t.conf:1: limits: a group was expected, found a list ( ); write limits = { ... };" },
	{ { .top = "tls = { name = \"x\"; };" },
	    "t.conf:1: tls: a list was expected, found a group { }; write tls = ( ... );" },
	{ { .top = "tls = ( \"site\" );" },
	    "t.conf:1: tls[]: a group was expected, found a single value; write { name = ...; }" },
	{ { .service = "retry = { budget = \"0.2\"; };" },
	    "t.conf:6: budget: a number was expected, found \"0.2\"; write digits without quotes" },
	{ { .service = "retry = { budget = 1.01; };" },
	    "t.conf:6: budget: 1.01 is out of range; write a value from 0 to 1" },
	/* Steering. */
	{ { .service = "failover = { spill = \"all_dwn\"; };" },
	    "t.conf:6: spill: \"all_dwn\" is none of \"gradual\", \"all_down\"; did you mean "
	    "\"all_down\"?" },
	{ { .service = "via = true;" },
	    "t.conf:6: via: \"true\" is unknown here; write one of \"off\", \"requests\", "
	    "\"both\"" },
	{ { .service = "failover = { standby_share = 0.6; };" },
	    "t.conf:6: standby_share: 0.6 is out of range; write a value from 0 to 0.5" },
	{ { .service = "outlier = { base = \"10m\"; };" },
	    "t.conf:6: outlier.base is longer than outlier.max; write a shorter one" },
	{ { .top = "safety = ( { name = \"x\"; } );" },
	    "t.conf:1: a safety rule is one of at_least, never_together, capacity and wait, this "
	    "one is none; give each rule a group of its own" },
	{ { .top = "safety = ( { at_least = 1; capacity = true; } );" },
	    "t.conf:1: a safety rule is one of at_least, never_together, capacity and wait, this "
	    "one is several; give each rule a group of its own" },
	{ { .top = "safety = ( { capacity = true; } );" },
	    "t.conf:1: warning: capacity = true; can refuse nothing: no region states its "
	    "capacity; write capacity = ...; (requests per second) in each of regions, or remove "
	    "the rule" },
	{ { .top = "safety = ( { at_least = 2; } );" },
	    "t.conf:1: at_least = 2 asks for more regions than the 1 of its set, so no change "
	    "could "
	    "ever be made; write 1 or less" },
	{ { .top = "safety = ( { capacity = true; regions = ( \"east\" ); } );" },
	    "t.conf:1: regions without at_least say nothing; add at_least = 1; or remove them" },
	{ { .top = "safety = ( { never_together = ( \"east\" ); } );" },
	    "t.conf:1: never_together has one region only; name at least two" },
	{ { .top = "safety = ( { never_together = ( \"east\", \"east\" ); } );" },
	    "t.conf:1: region \"east\" is in this set already (t.conf:1); remove one" },
	{ { .top = "safety = ( { at_least = 1; regions = ( \"eats\" ); } );" },
	    "t.conf:1: region: there is no region \"eats\"; did you mean \"east\"?" },
	{ { .top = "safety = ( { wait = \"5s\"; }, { wait = \"6s\"; } );" },
	    "t.conf:1: another safety rule is called \"wait\" (t.conf:1); give it a name of its "
	    "own, which --override can tell apart" },
	/* Durations and sizes. */
	{ { .service = "timeouts = { idle = 30; };" },
	    "t.conf:6: idle: a duration with a unit was expected, found 30; write \"30ms\" or "
	    "\"30s\"" },
	{ { .service = "timeouts = { idle = 0.5; };" },
	    "t.conf:6: idle: a duration with a unit was expected, found 0.5; write \"0.5s\"" },
	{ { .service = "timeouts = { idle = \"30\"; };" },
	    "t.conf:6: idle: a duration with a unit was expected, found \"30\"; write "
	    "\"30ms\" or \"30s\"" },
	{ { .service = "timeouts = { idle = \"0.5\"; };" },
	    "t.conf:6: idle: a duration with a unit was expected, found \"0.5\"; write "
	    "\"0.5s\"" },
	{ { .service = "timeouts = { idle = \"soon\"; };" },
	    "t.conf:6: idle: a duration was expected, found \"soon\"; write a number of whole "
	    "milliseconds with a unit (ms, s, m, h, d), such as \"30s\"" },
	{ { .service = "timeouts = { idle = { }; };" },
	    "t.conf:6: idle: a duration was expected, found a group { }; write a text such as "
	    "\"30s\"" },
	{ { .service = "health_check = { interval = \"1ms\"; };" },
	    "t.conf:6: interval: \"1ms\" is out of range; write a value from 50ms to 1h" },
	{ { .service = "timeouts = { idle = \"25h\"; };" },
	    "t.conf:6: idle: \"25h\" is out of range; write a value from 0s to 24h" },
	{ { .top = "limits = { headers = 1000; };" },
	    "t.conf:1: headers: a size with a unit was expected, found 1000; write \"1000B\"" },
	{ { .top = "limits = { headers = \"1GiB\"; };" },
	    "t.conf:1: headers: \"1GiB\" is out of range; write a value from 1KiB to 32KiB" },
	/* Words. */
	{ { .service = "balance = \"least_reqest\";" },
	    "t.conf:6: balance: \"least_reqest\" is none of \"least_request\", \"round_robin\", "
	    "\"random\", \"maglev\"; did you mean \"least_request\"?" },
	{ { .service = "balance = \"fastest\";" },
	    "t.conf:6: balance: \"fastest\" is unknown here; write one of \"least_request\", "
	    "\"round_robin\", \"random\", \"maglev\"" },
	{ { .route = "service = \"shop\"; on_region_down = \"drop\";" },
	    "t.conf:7: on_region_down: \"drop\" is none of \"keep\", \"drain(30s)\" and \"reset\"; "
	    "write one of them" },
	{ { .route = "service = \"shop\"; on_region_down = \"drain(30)\";" },
	    "t.conf:7: on_region_down: a duration with a unit was expected, found \"30\"; write "
	    "\"30ms\" or \"30s\"" },
	{ { .route = "service = \"shop\"; on_region_down = \"drain(25h)\";" },
	    "t.conf:7: on_region_down: drain(25h) is too long; write at most drain(24h)" },
	{ { .route = "service = \"shop\"; on_region_down = true;" },
	    "t.conf:7: on_region_down: true is none of \"keep\", \"drain(30s)\" and \"reset\"; "
	    "write "
	    "one of them" },
	{ { .listener = "protocol = \"udp\";" },
	    "t.conf:2: protocol: \"udp\" is unknown here; write one of \"http\", \"tcp\", "
	    "\"tls_passthrough\"" },
	/* Keys. */
	{ { .top = "wrokers = 1;" },
	    "t.conf:1: unknown key \"wrokers\" in the configuration; did you mean \"workers\"?" },
	{ { .listener = "bnid = \":1\";" },
	    "t.conf:2: unknown key \"bnid\" in this listener; did you mean \"bind\"?" },
	{ { .route = "service = \"shop\"; elephants = 3;" },
	    "t.conf:7: unknown key \"elephants\" in this route; remove it, or see "
	    "conf/REFERENCE.md for "
	    "the "
	    "keys there are" },
	{ { .top = "workers = 1; workers = 2;" },
	    "t.conf:1: \"workers\" stands twice in its group; remove one" },
	{ { .top =
		  "log = { level = \"info\"; /* user = */ }; admin = { socket = \"level = \\\" x\"; };"
		  "user = \"root\"; # user =\n// log =\nlog = { access = \"off\"; };" },
	    "t.conf:3: \"log\" stands twice in its group; remove one" },
	{ { .endpoints = "( { weight = 2; } )" },
	    "t.conf:5: this endpoint has no \"url\"; add url = \"...\";" },
	{ { .endpoints = "( )" }, "t.conf:5: endpoints is empty; add at least one" },
	/* Syntax. */
	{ { .top = "workers 1;" },
	    "t.conf:1: syntax error; look for a missing \";\", a quote or bracket too few, or a "
	    "comma "
	    "too many, here or on the line before" },
	{ { .route = "service = \"shop" },
	    "t.conf:7: the string that begins here does not end in this file; add \"" },
	{ { .top = "/* x" },
	    "t.conf:1: the comment that begins here does not end in this file; add */" },
	/* Names and references. */
	{ { .top = "", .listener = "tls = \"sit\";", .tls = "certificates = ( );" },
	    "t.conf:2: tls: there is no tls entry \"sit\"; did you mean \"site\"?" },
	{ { .listener = "tls = \"site\";" },
	    "t.conf:2: tls: there is no tls entry \"site\"; define it, or name one that is "
	    "defined" },
	{ { .route = "service = \"shpo\";" },
	    "t.conf:7: service: there is no service \"shpo\"; did you mean \"shop\"?" },
	{ { .route = "service = \"shop\"; name = \"my route\";" },
	    "t.conf:7: name: \"my route\" is no name; write 1 to 128 letters, digits or ._:/@*-" },
	/* The environment. */
	{ { .top = "user = \"${DETOUR_TEST_UNSET}\";" },
	    "t.conf:1: user: the environment variable DETOUR_TEST_UNSET is not set; set it, or "
	    "write "
	    "${DETOUR_TEST_UNSET:-default}" },
	{ { .route = "service = \"shop\"; request_headers = { set = ( { name = \"X-A\"; value = "
		     "\"${regoin}\"; } ); };" },
	    "t.conf:7: value: the environment variable regoin is not set; did you mean "
	    "${region}? Else set it, or write ${regoin:-default}" },
	{ { .top = "user = \"$x\";" },
	    "t.conf:1: user: a dollar sign stands alone; write $$ for one, or ${NAME} for a "
	    "variable" },
	{ { .top = "workers = \"${DETOUR_TEST_UNSET:-two}\";" },
	    "t.conf:1: workers: an integer was expected, found \"two\"; write digits" },
	/* Addresses. */
	{ { .top = "admin = { bind = \"localhost:9900\"; };" },
	    "t.conf:1: bind: \"localhost:9900\" is no address; write \"IPv4:PORT\", "
	    "\"[IPv6]:PORT\", "
	    "\":PORT\" or \"unix:PATH\"" },
	{ { .endpoints = "( \"http://a/b\" )" },
	    "t.conf:5: url: endpoint \"http://a/b\" has a path or a query; write scheme, host and "
	    "port only, and rewrite_prefix in a route to change paths" },
	{ { .endpoints = "( 7 )" }, "t.conf:5: url: a text was expected, found 7; write \"7\"" },
	{ { .top = "resolver = { servers = \"10.0.0.2,dns\"; };" },
	    "t.conf:1: resolver.servers: \"dns\" is no address; write \"10.0.0.2\" or "
	    "\"10.0.0.2:53\", "
	    "with commas between several" },
	{ { .top = "resolver = { min_ttl = \"10s\"; max_ttl = \"5s\"; };" },
	    "t.conf:1: resolver.min_ttl is longer than resolver.max_ttl; write a shorter one" },
	/* Listeners. */
	{ { .listener = "}, { name = \"web\"; bind = \"127.0.0.1:0\";" },
	    "t.conf:2: name: listener \"web\" is there already (t.conf:2); give each its own "
	    "name" },
	{ { .listener =
		  "}, { name = \"b\"; bind = \":81\"; }, { name = \"c\"; bind = \"[::]:81\";" },
	    "t.conf:2: another listener binds [::]:81 (t.conf:2); give each its own address or "
	    "port" },
	{ { .top = "admin = { bind = \"127.0.0.1:82\"; };",
	      .listener = "}, { name = \"b\"; bind = \"127.0.0.1:82\";" },
	    "t.conf:2: this listener and admin.bind have the same address 127.0.0.1:82; give admin "
	    "its "
	    "own" },
	/* Services. */
	{ { .endpoints = "( \"http://a\", \"HTTP://A:80/\", \"http://a/\" )" },
	    "t.conf:5: endpoint http://a is in this region already (t.conf:5); remove one, or "
	    "write a "
	    "weight" },
	{ { .region = "}, { region = \"east\"; endpoints = ( \"http://b\" );" },
	    "t.conf:5: the service names region \"east\" already (t.conf:5); put all endpoints of "
	    "a "
	    "region together" },
	{ { .region = "weight = 0;" },
	    "t.conf:5: all regions of tier 0 have weight 0, so the tier can take no traffic; give "
	    "one "
	    "a weight" },
	{ { .region = "host = \"a b\";" },
	    "t.conf:5: host: \"a b\" is no host; write a name such as \"shop.example.com\"" },
	{ { .service = "balance = \"maglev\"; hash_on = \"cookie\";" },
	    "t.conf:5: hash_on = \"cookie\" does not say which one; add hash_name = \"...\";" },
	{ { .service = "hash_name = \"x\";" },
	    "t.conf:5: warning: hash_name has no effect; write hash_on = \"header\" or \"cookie\", "
	    "or "
	    "remove it" },
	{ { .service = "hash_on = \"header\"; hash_name = \"x\";" },
	    "t.conf:5: warning: hash_on has no effect; write balance = \"maglev\" or remove it" },
	{ { .region = "tls = { sni = \"a\"; };" },
	    "t.conf:5: warning: tls has no effect: none of the region's endpoints is https; write "
	    "https:// in their URLs or remove it" },
	{ { .endpoints = "( \"https://a\" )", .region = "tls = { verify = false; };" },
	    "t.conf:5: warning: verify = false: anyone between here and the endpoints can pose as "
	    "them; name their CA with ca = \"...\" instead" },
	{ { .service = "health_check = { path = \"healthz\"; };" },
	    "t.conf:6: path: \"healthz\" is no path; write one that begins with a slash, "
	    "\"/healthz\"" },
	{ { .service = "health_check = { method = \"GET /\"; };" },
	    "t.conf:6: method: \"GET /\" is no token; write letters and digits, as in \"GET\"" },
	{ { .service = "health_check = { expect_status = ( 200, \"2xx\" ); };" },
	    "t.conf:6: expect_status: a status or a range of them was expected, found \"2xx\"; "
	    "write "
	    "200 or \"200-299\"" },
	{ { .service = "health_check = { expect_status = ( ); };" },
	    "t.conf:6: expect_status: the list is empty; leave expect_status out or write ( "
	    "\"200-399\" )" },
	{ { .service = "health_check = { expect_status = ( 99 ); };" },
	    "t.conf:6: expect_status: a status or a range of them was expected, found \"99\"; "
	    "write "
	    "200 or \"200-299\"" },
	{ { .service = "health_check = { expect_status = ( true ); };" },
	    "t.conf:6: expect_status: a status was expected, found true; write 200 or "
	    "\"200-299\"" },
	{ { .service = "retry = { on_status = ( 200 ); };" },
	    "t.conf:6: on_status: 200 is out of range; write a value from 400 to 599" },
	{ { .service = "retry = { on_status = { }; };" },
	    "t.conf:6: on_status: a list of statuses was expected, found a group { }; write ( 200, "
	    "204 )" },
	/* Routes. */
	{ { .route = "path = \"/\";" },
	    "t.conf:7: the route leads nowhere; add service = \"...\" or redirect = \"...\"" },
	{ { .route = "redirect_https = true;" },
	    "t.conf:7: the route leads nowhere; add service = \"...\" for requests that come by "
	    "https" },
	{ { .route = "service = \"shop\"; redirect = \"/x\"; path = \"/y\";" },
	    "t.conf:7: the route has both service and redirect; remove one" },
	{ { .route = "service = \"shop\"; path = \"api\";" },
	    "t.conf:7: path: \"api\" is no path; write one that begins with a slash, \"/api\"" },
	{ { .route = "service = \"shop\"; path = \"/a b\";" },
	    "t.conf:7: path: \"/a b\" holds a character that can't stand in a path; write %20 for "
	    "it" },
	{ { .route = "service = \"shop\"; path = \"/a?b\";" },
	    "t.conf:7: path \"/a?b\" holds a query, and routes go by the path alone; end it before "
	    "the \"?\"" },
	{ { .route = "service = \"shop\"; path = \"/a/../b\";" },
	    "t.conf:7: path \"/a/../b\" has a \"..\" segment, which no request keeps; write it "
	    "without" },
	{ { .route = "service = \"shop\"; path = \"/a/.\";" },
	    "t.conf:7: path \"/a/.\" has a \".\" segment, which no request keeps; write it "
	    "without" },
	{ { .route = "service = \"shop\"; path = \"/caf%c3\";" },
	    "t.conf:7: path \"/caf%c3\" has a broken escape; write \"%\" and two upper-case hex "
	    "digits" },
	{ { .route = "service = \"shop\"; path = \"/%41\";" },
	    "t.conf:7: path \"/%41\" escapes a character that needs none; write the character "
	    "itself" },
	{ { .route = "service = \"shop\"; host = \"shop.*.com\";" },
	    "t.conf:7: host: \"shop.*.com\" has its star in the wrong place; write "
	    "\"*.example.com\"" },
	{ { .route = "service = \"shop\"; host = \"*\";" },
	    "t.conf:7: host: \"*\" is no host; leave host out to take any, or write one" },
	{ { .route = "service = \"shop\"; host = \"_\";" },
	    "t.conf:7: host: \"_\" is no host; leave host out to take any, or write one" },
	{ { .route = "service = \"shop\"; host = \"https://shop.example.com\";" },
	    "t.conf:7: host: \"https://shop.example.com\" is more than a host; write "
	    "\"shop.example.com\"" },
	{ { .route = "service = \"shop\"; host = \"https://*.example.com:8443/\";" },
	    "t.conf:7: host: \"https://*.example.com:8443/\" is more than a host; write "
	    "\"*.example.com\"" },
	{ { .route = "service = \"shop\"; host = \"shop.example.com/cart?a=b\";" },
	    "t.conf:7: host: \"shop.example.com/cart?a=b\" is more than a host; write host = "
	    "\"shop.example.com\"; path = \"/cart\";" },
	{ { .route = "service = \"shop\"; host = \"http://[::1]:80\";" },
	    "t.conf:7: host: \"http://[::1]:80\" is more than a host; write \"[::1]\"" },
	{ { .region = "host = \"https://shop.example.com:8443\";" },
	    "t.conf:5: host: \"https://shop.example.com:8443\" is more than a host; write "
	    "\"shop.example.com:8443\"" },
	{ { .route = "service = \"shop\"; host = \"*.\";" },
	    "t.conf:7: host: \"\" is no host; write a name such as \"shop.example.com\"" },
	{ { .route = "service = \"shop\"; path = \"/api/*\";" },
	    "t.conf:7: warning: path \"/api/*\" ends with a star, which stands for no more than "
	    "itself; a path takes all below it, write \"/api\"" },
	{ { .route = "service = \"shop\"; host = \"a.com:80\";" },
	    "t.conf:7: host: \"a.com:80\" has a port; routes go by the host alone, write "
	    "\"a.com\"" },
	{ { .route = "service = \"shop\"; }, { service = \"shop\"; path = \"/\";" },
	    "t.conf:7: \"/\" has a route already (t.conf:7); remove one, or change its host or "
	    "path" },
	{ { .route =
		  "service = \"shop\"; path = \"/a/\"; }, { service = \"shop\"; path = \"/a\";" },
	    "t.conf:7: \"/a\" has a route already (t.conf:7); remove one, or change its host or "
	    "path" },
	{ { .route = "service = \"shop\"; host = \"A.com.\"; }, { service = \"shop\"; host = "
		     "\"a.com\";" },
	    "t.conf:7: \"a.com/\" has a route already (t.conf:7); remove one, or change its host "
	    "or "
	    "path" },
	{ { .route = "service = \"shop\"; name = \"r\"; }, { service = \"shop\"; name = \"r\"; "
		     "path = \"/a\";" },
	    "t.conf:7: name: route \"r\" is there already (t.conf:7); give each its own name" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"x\";" },
	    "t.conf:7: redirect \"x\" is no Location; begin it with https://, http://, / or "
	    "${path}, "
	    "and escape spaces and non-ASCII characters" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"/a\\nb\";" },
	    "t.conf:7: redirect \"/a\nb\" is no Location; begin it with https://, http://, / or "
	    "${path}, and escape spaces and non-ASCII characters" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"https://${path}\";" },
	    "t.conf:7: redirect \"https://${path}\" names no host behind its two slashes, so whatever "
	    "path follows would be taken for one; write the host, or ${host}" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"///a\";" },
	    "t.conf:7: redirect \"///a\" names no host behind its two slashes, so whatever path "
	    "follows would be taken for one; write the host, or ${host}" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"//me@a.com/\";" },
	    "t.conf:7: redirect \"//me@a.com/\" has \"me@a.com\" for its host, or part of it, which "
	    "is none; write a name and a port, and a slash behind them" },
	{ { .route = "service = \"shop\"; redirect_regex = \"^/go/(.*)$\"; redirect = "
		     "\"https://a.com$1\";" },
	    "t.conf:7: warning: redirect \"https://a.com$1\" lets the path name the end of the host, "
	    "so a link to this server may lead anywhere; write a domain behind $1, or a slash before "
	    "it, or at the beginning of its group" },
	{ { .route = "service = \"shop\"; redirect_regex = \"^/go/(.*)$\"; redirect = "
		     "\"//$1.com:8443/\";" },
	    "t.conf:7: warning: redirect \"//$1.com:8443/\" lets the path name the end of the host, "
	    "so a link to this server may lead anywhere; write a domain behind $1, or a slash before "
	    "it, or at the beginning of its group" },
	{ { .route = "service = \"shop\"; redirect_regex = \"^/go/(.*?)(/.*)$\"; redirect = "
		     "\"//$1$2\";" },
	    "t.conf:7: warning: redirect \"//$1$2\" lets the path name the end of the host, so a link "
	    "to this server may lead anywhere; write a domain behind $1, or a slash before it, or at "
	    "the beginning of its group" },
	{ { .route = "service = \"shop\"; redirect_regex = \"^/go(/.*)$\"; redirect = "
		     "\"https://$1\";" },
	    "t.conf:7: redirect \"https://$1\" has $1 for its host, or part of it, and by the pattern "
	    "that begins with a slash, so requests would be answered 400; write the whole host before "
	    "it" },
	{ { .route = "service = \"shop\"; redirect_regex = \"^/go(/.*)$\"; redirect = "
		     "\"//a$1.example.com\";" },
	    "t.conf:7: redirect \"//a$1.example.com\" has $1 for its host, or part of it, and by the "
	    "pattern that begins with a slash, so requests would be answered 400; write the whole host "
	    "before it" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"/a\"; redirect_status = "
		     "304;" },
	    "t.conf:7: redirect_status 304 is no redirect; write 301, 302, 303, 307 or 308" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"/a\"; rewrite_prefix = "
		     "\"/\";" },
	    "t.conf:7: rewrite_prefix has no effect on a redirect; write the new path into "
	    "redirect" },
	{ { .route = "service = \"shop\"; }, { path = \"/x\"; redirect = \"/a\"; redirect_https = "
		     "true;" },
	    "t.conf:7: the route has both redirect and redirect_https; remove one" },
	{ { .route = "service = \"shop\"; }, { path = \"/in\"; service = \"shop\"; allow = ( "
		     "\"10.0.0.0/8\" );" },
	    "t.conf:7: warning: \"//in\" passes this route by and reaches shop unguarded, by the route "
	    "in line 7; write slashes = \"merge\" into limits, or guard that route too" },
	{ { .route =
		  "service = \"shop\"; path = \"/a/\"; }, { path = \"/a/in\"; service = \"shop\"; "
		  "allow = ( \"10.0.0.0/8\" );" },
	    "t.conf:7: warning: \"/a//in\" passes this route by and reaches shop unguarded, by the "
	    "route in line 7; write slashes = \"merge\" into limits, or guard that route too" },
	{ { .route =
		  "host = \"b.c\"; service = \"shop\"; }, { host = \"*.c\"; service = \"shop\"; }, "
		  "{ host = \"a.c\"; path = \"/in\"; service = \"shop\"; deny = ( \"::/0\" );" },
	    "t.conf:7: warning: \"//in\" passes this route by and reaches shop unguarded, by the route "
	    "in line 7; write slashes = \"merge\" into limits, or guard that route too" },
	{ { .top = "limits = { slashes = \"merge\"; };",
	      .route = "service = \"shop\"; path = \"/a//b\";" },
	    "t.conf:7: path \"/a//b\" has an empty segment, which limits.slashes leaves in no "
	    "request; write it without" },
	{ { .route = "service = \"shop\"; redirect_regex = \"^/([a\"; redirect = \"/$1\";" },
	    "t.conf:7: redirect_regex: the pattern \"^/([a\" is broken behind its byte 5: missing "
	    "terminating ] for character class" },
	{ { .route = "redirect = \"/a\"; path = \"/b\";" },
	    "t.conf:5: warning: no route leads to this service; add one, or remove the service" },
};

START_TEST(a_mistake_is_told_with_place_reason_and_remedy)
{
	const struct mistake *m = &mistakes[_i];

	scratch_make();
	expect_among(whole(&m->parts), m->problem);
	scratch_remove();
}
END_TEST

/* Most mistakes must not drag other complaints along. */
START_TEST(one_mistake_is_one_problem)
{
	const struct mistake *m = &mistakes[_i];

	/* These are more than one mistake, or one that leaves nothing to go on with. */
	static const char *const several[] = { "tls[]", "sit\"", "empty", "no \"url\"", "leads to",
		"tls: a list", "2xx", "too large" };

	for (size_t i = 0; i < ARRAY_SIZE(several); i++)
		if (strstr(m->problem, several[i]) != NULL)
			return;
	scratch_make();
	expect_problem(whole(&m->parts), m->problem);
	scratch_remove();
}
END_TEST

START_TEST(all_mistakes_of_a_file_are_told_at_once_in_its_order)
{
	static const char text[] = "regions = ( { name = \"a\"; zzz = 1; } );\n"
				   "listeners = (\n"
				   "  { name = \"l\"; bind = \"nowhere\"; },\n"
				   "  { name = \"l\"; bind = \":1\"; backlog = 0; } );\n"
				   "workers = \"x\";\n"
				   "services = ( { name = \"s\"; regions = ( ); } );\n";
	static const char *const expected[] = {
		"t.conf:1: unknown key \"zzz\" in this region; remove it, or see conf/REFERENCE.md for "
		"the "
		"keys there are",
		"t.conf:3: bind: \"nowhere\" has no port; write \"ADDRESS:PORT\"",
		"t.conf:4: name: listener \"l\" is there already (t.conf:3); give each its own "
		"name",
		"t.conf:4: backlog: 0 is out of range; write a value from 1 to 1000000",
		"t.conf:5: workers: an integer was expected, found \"x\"; write digits without "
		"quotes",
		"t.conf:6: regions is empty; add at least one",
	};
	struct conf_problems problems;

	ck_assert_ptr_null(conf_load_text(text, "t.conf", "", &problems));
	for (size_t i = 0; i < ARRAY_SIZE(expected) && i < problems.count; i++)
		ck_assert_str_eq(problems.list[i].text, expected[i]);
	ck_assert_uint_eq(problems.count, ARRAY_SIZE(expected));
	ck_assert_uint_eq(problems.errors, ARRAY_SIZE(expected));
	conf_problems_free(&problems);
	ck_assert_ptr_null(problems.list);
}
END_TEST

START_TEST(a_route_that_is_not_above_a_guarded_one_leads_nobody_round_it)
{
	static const char *const others[] = { "path = \"/i\";", "path = \"/\"; exact = true;",
		"path = \"/in/deep\";", "path = \"/\"; host = \"b.example.com\";" };

	scratch_make();
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		char route[256];

		snprintf(route, sizeof route,
		    "%s service = \"shop\"; }, { path = \"/in\"; host = \"a.example.com\"; service = "
		    "\"shop\"; allow = ( \"10.0.0.0/8\" );",
		    others[i]);
		topology_unref(load_good(whole(&(struct parts){ .route = route })));
	}
	scratch_remove();
}
END_TEST

START_TEST(what_a_file_lacks_as_a_whole_is_told_without_a_line)
{
	expect_among(
	    "", "t.conf: the configuration has no \"listeners\"; add listeners = ( ... );");
	expect_among("",
	    "t.conf: there is no service and no route, so every request would be "
	    "answered with 404; add services = ( ... );");
	expect_problem(
	    "listeners = ( { name = \"l\"; bind = \":1\"; } );\n"
	    "regions = ( { name = \"r\"; } );\n"
	    "services = (\n"
	    " { name = \"a\"; regions = ( { region = \"r\"; endpoints = ( \"http://a\" ); } ); },\n"
	    " { name = \"b\"; regions = ( { region = \"r\"; endpoints = ( \"http://b\" ); } ); }\n"
	    ");\n",
	    "t.conf: there are 2 services but no routes, so no request reaches them; add routes = "
	    "( { "
	    "path = \"/\"; service = \"a\"; } );");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named)
{
	struct conf_problems problems;

	ck_assert_ptr_null(conf_load("/nowhere/detour.conf", &problems));
	ck_assert_uint_eq(problems.errors, 1);
	ck_assert_str_eq(problems.list[0].text,
	    "/nowhere/detour.conf: cannot open /nowhere/detour.conf: No such file or directory; "
	    "name a "
	    "readable file");
	conf_problems_free(&problems);
	ck_assert_ptr_null(conf_load("/tmp", &problems));
	ck_assert_str_eq(problems.list[0].text,
	    "/tmp: cannot read /tmp: it is a directory; name a readable file");
	conf_problems_free(&problems);
}
END_TEST

/* Two regions, of which the first states its capacity; other: keys of the second. */
static const char *
two_regions(const char *other)
{
	static char text[1024];

	snprintf(text, sizeof text,
	    "listeners = ( { name = \"web\"; bind = \"127.0.0.1:0\"; } );\n"
	    "regions = ( { name = \"east\"; capacity = 9; }, { name = \"west\"; } );\n"
	    "services = ( { name = \"shop\"; regions = (\n"
	    "  { region = \"east\"; endpoints = ( \"http://127.0.0.1:1\" ); },\n"
	    "  { region = \"west\"; %s endpoints = ( \"http://127.0.0.1:2\" ); } ); } );\n"
	    "safety = ( { capacity = true; } );\n",
	    other);
	return text;
}

START_TEST(a_region_without_a_capacity_among_others_with_one_is_told_of)
{
	expect_problem(two_regions(""),
	    "t.conf:5: warning: region \"west\" states no capacity, so the safety rule \"capacity\" "
	    "(t.conf:6) takes it to have enough for all; write capacity = ...; (requests per "
	    "second)");
	topology_unref(load_good(two_regions("capacity = 5;")));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("error");
	TCase *tc = tcase_create("error");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
	    tc, a_mistake_is_told_with_place_reason_and_remedy, 0, ARRAY_SIZE(mistakes));
	tcase_add_loop_test(tc, one_mistake_is_one_problem, 0, ARRAY_SIZE(mistakes));
	tcase_add_test(tc, all_mistakes_of_a_file_are_told_at_once_in_its_order);
	tcase_add_test(tc, a_route_that_is_not_above_a_guarded_one_leads_nobody_round_it);
	tcase_add_test(tc, what_a_file_lacks_as_a_whole_is_told_without_a_line);
	tcase_add_test(tc, a_file_that_cannot_be_read_is_named);
	tcase_add_test(tc, a_region_without_a_capacity_among_others_with_one_is_told_of);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
