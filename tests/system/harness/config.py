"""The configuration file of a test's proxy, from the parts that differ."""


def _quote(text):
    return '"%s"' % text


def _endpoint(endpoint):
    if isinstance(endpoint, dict):
        return "{ %s }" % " ".join("%s = %s;" % (k, v if isinstance(v, int) else _quote(v))
                                   for k, v in endpoint.items())
    return _quote(getattr(endpoint, "url", endpoint))


def _region(name, region):
    """A list of endpoints, or a dict with endpoints and more keys as text."""
    if not isinstance(region, dict):
        region = {"endpoints": region}
    parts = ["region = %s;" % _quote(name)]
    for key in ("tier", "weight"):
        if key in region:
            parts.append("%s = %d;" % (key, region[key]))
    if "text" in region:
        parts.append(region["text"])
    parts.append("endpoints = ( %s );" % ", ".join(_endpoint(e) for e in region["endpoints"]))
    return "{ %s }" % " ".join(parts)


def service(name, regions, text=""):
    return '{ name = "%s"; %s\n    regions = (\n      %s\n    ); }' % (
        name, text, ",\n      ".join(_region(n, r) for n, r in regions.items()))


def build(proxy, regions, service_text="", services=(), routes=None, listener="", plain="",
          listeners=(), tls="", tls_blocks=(), top="", log="", workers=1, certificates=None,
          limits="", drain=""):
    """The whole file. Names left out get the tests' usual values."""
    every = list(regions)
    for extra in services:
        every += [n for n in extra[1] if n not in every]
    pairs = certificates or [proxy.pki.site()]
    shops = [service("shop", regions, service_text)] if regions else []
    shops += [service(*extra) for extra in services]
    out = ["workers = %d;" % workers, top]
    if limits:
        out.append("limits = { %s };" % limits)
    if drain:
        out.append("drain = { %s };" % drain)
    binds = ['{ name = "web"; bind = "%s:%d"; tls = "site"; %s }' % (*proxy.https, listener),
             '{ name = "plain"; bind = "%s:%d"; %s }' % (*proxy.http, plain)] + list(listeners)
    out.append("listeners = (\n  %s\n);" % ",\n  ".join(binds))
    blocks = ['{ name = "site"; certificates = ( %s ); %s }' % (
        ", ".join('{ chain = "%s"; key = "%s"; }' % (p.chain, p.key) for p in pairs), tls)]
    out.append("tls = (\n  %s\n);" % ",\n  ".join(blocks + list(tls_blocks)))
    out.append("regions = ( %s );" % ", ".join('{ name = "%s"; }' % n for n in every))
    out.append("services = (\n  %s\n);" % ",\n  ".join(shops))
    out.append("routes = (\n  %s\n);" % ",\n  ".join(
        ['{ path = "/"; service = "shop"; }'] if routes is None else routes))
    out.append('admin = { bind = "%s:%d"; socket = "%s"; };' % (*proxy.admin, proxy.socket))
    out.append('log = { %s };' % (log or 'access = "%s"; format = "json"; level = "info";'
                                  % proxy.access_path))
    return "\n".join(out) + "\n"
