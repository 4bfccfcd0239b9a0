/* SPDX-License-Identifier: Apache-2.0 */
#include "control/site.h"

#include <check.h>
#include <string.h>

#include "rig.h"
#include "steer/endpoint.h"

struct change {
	const char *name;
	void (*make)(struct world *);
	bool same; /* is a probe after it the same as before it? */
};

static void
change_nothing(struct world *w)
{
}

static void
change_path(struct world *w)
{
	w->check.path = "/other";
}

static void
change_method(struct world *w)
{
	w->check.method = "HEAD";
}

static void
change_type(struct world *w)
{
	w->check.type = CHECK_TCP;
}

static void
change_port(struct world *w)
{
	w->check.port = 81;
}

static void
change_text(struct world *w)
{
	w->check.expect_body = "ok";
}

static void
change_host(struct world *w)
{
	w->check.host = "check.example.com";
}

static void
change_region_host(struct world *w)
{
	w->regions[0].host = "shop.example.com";
}

static void
change_timeout(struct world *w)
{
	w->check.timeout_ms++;
}

static void
change_reuse(struct world *w)
{
	w->check.reuse = !w->check.reuse;
}

static void
change_status(struct world *w)
{
	static struct conf_status_range only_200 = { 200, 200 };

	w->check.expect_status = &only_200;
}

static void
change_verify(struct world *w)
{
	w->regions[0].trust.verify = true;
}

static void
change_ca(struct world *w)
{
	w->regions[0].trust.ca = (struct conf_file){ "ca.pem", "x", 1 };
}

static void
change_sni(struct world *w)
{
	w->regions[0].trust.sni = "shop.example.com";
}

static void
change_pace(struct world *w)
{
	w->check.interval_ms *= 2;
	w->check.fast_interval_ms *= 2;
	w->check.jitter_pct *= 2;
	w->check.rise++;
	w->check.fall++;
}

static void
change_another_region(struct world *w)
{
	w->regions[1].host = "other.example.com";
}

static const struct change changes[] = {
	{ "nothing", change_nothing, true },
	{ "path", change_path, false },
	{ "method", change_method, false },
	{ "type", change_type, false },
	{ "port", change_port, false },
	{ "text", change_text, false },
	{ "host", change_host, false },
	{ "the region's host", change_region_host, false },
	{ "timeout", change_timeout, false },
	{ "reuse", change_reuse, false },
	{ "status", change_status, false },
	{ "verification", change_verify, false },
	{ "CA", change_ca, false },
	{ "SNI", change_sni, false },
	{ "intervals, rise and fall", change_pace, true },
	{ "another region", change_another_region, true },
};

START_TEST(two_sites_are_equal_when_their_probes_would_be)
{
	const struct change *c = &changes[_i];
	struct world before = rig_two_regions(&world_check, 80, 80);
	struct world after = before;
	struct topology *t, *u;
	struct sites *s, *r;

	c->make(&after);
	t = world_topology(&before);
	u = world_topology(&after);
	s = sites_new(t);
	r = sites_new(u);
	ck_assert_msg(site_equal(sites_at(s, 0, 0), sites_at(r, 0, 0)) == c->same, "%s", c->name);
	ck_assert_msg(site_equal(sites_at(r, 0, 0), sites_at(s, 0, 0)) == c->same, "%s", c->name);
	sites_free(s);
	sites_free(r);
	topology_unref(t);
	topology_unref(u);
}
END_TEST

struct speech_case {
	enum conf_check_type type;
	bool endpoint_tls;
	uint16_t port;
	bool tls;
};

static const struct speech_case speeches[] = {
	{ CHECK_HTTP, false, 0, false },
	{ CHECK_HTTP, true, 0, true },
	{ CHECK_HTTP, true, 8081, false },
	{ CHECK_HTTPS, false, 0, true },
	{ CHECK_HTTPS, false, 8443, true },
	{ CHECK_HTTPS, true, 8443, true },
	{ CHECK_TCP, false, 0, false },
	{ CHECK_TCP, true, 0, true },
	{ CHECK_TCP, true, 8081, false },
};

START_TEST(tls_is_spoken_as_traffic_does_unless_the_check_has_its_own_port)
{
	const struct speech_case *c = &speeches[_i];
	struct conf_health_check check = { .type = c->type, .port = c->port };
	struct site site = { .check = &check };
	struct endpoint e = { .tls = c->endpoint_tls };

	ck_assert_int_eq(site_speaks_tls(&site, &e), c->tls);
}
END_TEST

START_TEST(regions_with_equal_tls_settings_share_one_trust)
{
	struct world w = rig_two_regions(&world_check, 80, 80);
	struct topology *t;
	struct sites *s;

	w.regions[2] = w.regions[0];
	w.regions[2].trust.sni = "other.example.com";
	t = world_topology(&w);
	s = sites_new(t);
	ck_assert_ptr_eq(sites_at(s, 0, 0)->trust, sites_at(s, 0, 1)->trust);
	ck_assert_ptr_ne(sites_at(s, 0, 0)->trust, sites_at(s, 0, 2)->trust);
	ck_assert_ptr_eq(site_tls(sites_at(s, 0, 0)), site_tls(sites_at(s, 0, 1)));
	ck_assert_ptr_nonnull(site_tls(sites_at(s, 0, 0)));
	sites_free(s);
	topology_unref(t);
}
END_TEST

START_TEST(trust_that_cannot_be_set_up_is_no_trust)
{
	struct world w = rig_two_regions(&world_check, 80, 80);
	struct topology *t;
	struct sites *s;

	w.regions[0].trust.verify = true;
	w.regions[0].trust.ca = (struct conf_file){ "ca.pem", "no certificate", 14 };
	t = world_topology(&w);
	s = sites_new(t);
	ck_assert_ptr_null(site_tls(sites_at(s, 0, 0)));
	ck_assert_ptr_null(site_tls(sites_at(s, 0, 0)));
	sites_free(s);
	topology_unref(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/site");
	TCase *c = tcase_create("site");

	tcase_add_loop_test(
	    c, two_sites_are_equal_when_their_probes_would_be, 0, ARRAY_SIZE(changes));
	tcase_add_loop_test(c, tls_is_spoken_as_traffic_does_unless_the_check_has_its_own_port, 0,
	    ARRAY_SIZE(speeches));
	tcase_add_test(c, regions_with_equal_tls_settings_share_one_trust);
	tcase_add_test(c, trust_that_cannot_be_set_up_is_no_trust);
	suite_add_tcase(s, c);
	return rig_main(s);
}
