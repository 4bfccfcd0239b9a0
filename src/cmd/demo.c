/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/demo_region.h"
#include "cmd/lifecycle.h"
#include "cmd/self_signed.h"
#include "cmd/version.h"
#include "conf/conf.h"
#include "net/stream.h"

enum { HTTPS_PORT = 8443, HTTP_PORT = 8080, REVIVE_S = 15, REGIONS = 3 };

static const struct usage usage = {
	"demo [--port N]",
	"Starts three sample regions and the proxy in front of them, on this machine alone, and\n"
	"says what to try. Needs no file and no network. Ctrl-C ends it all.\n"
	"\n"
	"  -p, --port N   port for https (8443); a free one if that is taken or 0\n"
	"  -h, --help     this text\n",
};

struct demo {
	char dir[32]; /* for the certificate and the admin socket */
	char *chain;
	char *key;
	char *socket;
	uint16_t https_port;
	uint16_t http_port;
	uint16_t admin_port;
	struct demo_region regions[REGIONS];
	struct event *child; /* SIGCHLD */
};

static bool
make_files(struct demo *d, struct error *error)
{
	snprintf(d->dir, sizeof d->dir, "/tmp/detour-demo-XXXXXX");
	if (mkdtemp(d->dir) == NULL) {
		error_errno(error, "cannot make a directory for the demo:", d->dir);
		d->dir[0] = '\0';
		return false;
	}
	d->chain = mem_printf("%s/site.crt", d->dir);
	d->key = mem_printf("%s/site.key", d->dir);
	d->socket = mem_printf("%s/admin.sock", d->dir);
	return self_signed_write(d->chain, d->key, error);
}

static void
remove_files(struct demo *d)
{
	if (d->dir[0] == '\0')
		return;
	unlink(d->chain);
	unlink(d->key);
	unlink(d->socket);
	if (rmdir(d->dir) != 0)
		fprintf(stderr, "detour: %s stays behind: %s\n", d->dir, strerror(errno));
	mem_free(d->chain);
	mem_free(d->key);
	mem_free(d->socket);
}

/* The configuration is what a user would write; given back with free(). */
static char *
configuration(const struct demo *d)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		abort();
	fprintf(to,
	    "tls = ( { name = \"site\"; certificates = ( { chain = \"%s\"; key = \"%s\"; } ); } "
	    ");\n",
	    d->chain, d->key);
	fprintf(to, "listeners = ( { name = \"web\"; bind = \"127.0.0.1:%u\"; tls = \"site\"; },\n",
	    d->https_port);
	fprintf(to,
	    "  { name = \"plain\"; bind = \"127.0.0.1:%u\"; redirect_https = true;\n"
	    "    redirect_port = %u; } );\n",
	    d->http_port, d->https_port);
	fputs("regions = (", to);
	for (unsigned i = 0; i < REGIONS; i++)
		fprintf(to, "%s { name = \"%s\"; provider = \"%s\"; }", i > 0 ? "," : "",
		    d->regions[i].name, d->regions[i].provider);
	fputs(" );\nservices = ( { name = \"shop\"; regions = (", to);
	for (unsigned i = 0; i < REGIONS; i++)
		fprintf(to,
		    "%s { region = \"%s\"; tier = %u; weight = %u;\n"
		    "  endpoints = ( \"http://127.0.0.1:%u\" ); }",
		    i > 0 ? "," : "", d->regions[i].name, d->regions[i].tier, d->regions[i].weight,
		    d->regions[i].port);
	fputs(" );\n  health_check = { type = \"http\"; path = \"/healthz\"; }; } );\n"
	      "routes = ( { path = \"/\"; service = \"shop\"; } );\n"
	      "drain = { timeout = \"5s\"; };\n"
	      "limits = { max_connections = 1000; };\n"
	      "log = { access = \"off\"; level = \"info\"; };\n",
	    to);
	fprintf(to, "admin = { bind = \"127.0.0.1:%u\"; socket = \"%s\"; };\n", d->admin_port,
	    d->socket);
	/* memory is all that can fail here, and without it nothing goes on */
	if (fclose(to) != 0)
		abort();
	return text;
}

/* Takes the wanted port or says so and takes another; 0: not even that. */
static uint16_t
choose_port(uint16_t wanted)
{
	uint16_t port = demo_port(wanted);

	if (port != 0)
		return port;
	port = demo_port(0);
	printf("port %u is taken, using %u\n", wanted, port);
	return port;
}

static bool
prepare(struct demo *d, struct error *error)
{
	d->http_port = choose_port(d->https_port == 0 ? 0 : HTTP_PORT);
	d->https_port = choose_port(d->https_port);
	d->admin_port = demo_port(0);
	if (d->https_port == 0 || d->http_port == 0 || d->admin_port == 0) {
		error_set(error, "there is no free port on 127.0.0.1");
		return false;
	}
	if (!make_files(d, error))
		return false;
	for (unsigned i = 0; i < REGIONS; i++)
		if (!demo_region_start(&d->regions[i], error))
			return false;
	return true;
}

/* What to type, and in a column of its own what it shows. */
static void __attribute__((format(printf, 2, 3))) suggest(const char *shows, const char *fmt, ...)
{
	char command[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof command, fmt, args);
	va_end(args);
	printf("  %-50s %s\n", command, shows);
}

static void
print_guide(const struct demo *d)
{
	const struct demo_region *r = d->regions;
	const char *self = program_invocation_name;

	printf("\nDetour %s: three regions of the service \"shop\", and the proxy in front of "
	       "them.\n\n"
	       "  https://localhost:%u/     http://localhost:%u/ redirects there\n\n"
	       "  %-17s %-9s %-5s %-7s %-6s %s\n",
	    version_text(), d->https_port, d->http_port, "REGION", "PROVIDER", "TIER", "WEIGHT",
	    "PORT", "PROCESS");
	for (unsigned i = 0; i < REGIONS; i++)
		printf("  %-17s %-9s %-5u %-7u %-6u %d\n", r[i].name, r[i].provider, r[i].tier,
		    r[i].weight, r[i].port, (int)r[i].pid);
	printf("\nTry, in another terminal:\n\n");
	suggest("which region answers?", "curl -k https://localhost:%u/", d->https_port);
	printf("  while sleep 0.2; do curl -sk https://localhost:%u/; done\n", d->https_port);
	suggest("us-east-1 dies, nobody notices", "kill %d", (int)r[0].pid);
	suggest("us-west-2 as well: gcp takes over", "kill %d", (int)r[1].pid);
	printf(
	    "  curl -k -H 'Accept: application/json' https://localhost:%u/any/path\n"
	    "  %s status --socket %s --watch\n"
	    "  %s explain shop --socket %s\n"
	    "  curl http://127.0.0.1:%u/metrics\n\n"
	    "A region that died is back after %d seconds, its traffic later: explain says when.\n"
	    "Ctrl-C ends it all.\n\n",
	    d->https_port, self, d->socket, self, d->socket, d->admin_port, REVIVE_S);
	fflush(stdout);
}

static void
on_revive(evutil_socket_t fd, short what, void *arg)
{
	struct demo_region *r = arg;
	struct timeval again = { .tv_sec = REVIVE_S };
	struct error error;

	if (demo_region_start(r, &error)) {
		printf("region %s is back, process %d\n", r->name, (int)r->pid);
	} else {
		printf("%s; trying again\n", error.text);
		evtimer_add(r->revive, &again);
	}
	fflush(stdout);
}

static void
on_child(evutil_socket_t fd, short what, void *arg)
{
	struct timeval after = { .tv_sec = REVIVE_S };
	struct demo *d = arg;

	for (unsigned i = 0; i < REGIONS; i++) {
		struct demo_region *r = &d->regions[i];
		int status;

		if (!demo_region_reap(r, &status))
			continue;
		printf("region %s died (%s); it comes back in %d seconds\n", r->name,
		    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit", REVIVE_S);
		evtimer_add(r->revive, &after);
	}
	fflush(stdout);
}

static void
on_ready(void *arg, struct event_base *base, const struct server *server)
{
	struct demo *d = arg;

	for (unsigned i = 0; i < REGIONS; i++)
		d->regions[i].revive = evtimer_new(base, on_revive, &d->regions[i]);
	d->child = evsignal_new(base, SIGCHLD, on_child, d);
	event_add(d->child, NULL);
	print_guide(d);
	/* one may have died before we listened */
	on_child(-1, 0, d);
}

static void
on_end(void *arg)
{
	struct demo *d = arg;

	event_free(d->child);
	for (unsigned i = 0; i < REGIONS; i++)
		event_free(d->regions[i].revive);
}

static int
serve(struct demo *d)
{
	struct lifecycle_setup setup = {
		.on_ready = on_ready, .on_end = on_end, .arg = d, .may_exec = true
	};
	struct conf_problems problems = { .count = 0 };
	char *text = configuration(d);

	setup.topology = conf_load_text(text, "demo", d->dir, &problems);
	conf_problems_print(&problems, stderr);
	conf_problems_free(&problems);
	free(text);
	return setup.topology != NULL ? lifecycle_run(&setup) : EXIT_FAILED;
}

static bool
parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = (uint16_t)number;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= UINT16_MAX;
}

int
command_demo(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct demo d = { .https_port = HTTPS_PORT,
		.regions = { { .name = "us-east-1", .provider = "aws", .weight = 70 },
		    { .name = "us-west-2", .provider = "aws", .weight = 30 },
		    { .name = "gcp-us-central1", .provider = "gcp", .tier = 1, .weight = 100 } } };
	struct error error;
	int got, code = EXIT_FAILED;

	while ((got = getopt_long(argc, argv, ":p:h", options, NULL)) != -1) {
		switch (got) {
		case 'p':
			if (!parse_port(optarg, &d.https_port))
				return usage_wrong(&usage, "'%s' is no port", optarg);
			break;
		case 'h':
			return usage_print(&usage);
		default:
			return usage_unknown(&usage, got, argv);
		}
	}
	if (usage_surplus(&usage, argc, argv))
		return EXIT_USAGE;
	stream_init_openssl();
	if (prepare(&d, &error))
		code = serve(&d);
	else
		fprintf(stderr, "detour: %s\n", error.text);
	for (unsigned i = 0; i < REGIONS; i++)
		demo_region_stop(&d.regions[i]);
	remove_files(&d);
	return code;
}
