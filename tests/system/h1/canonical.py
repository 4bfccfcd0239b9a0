"""
What an endpoint may be sent: a reader of requests that takes one form of everything and nothing
else, so that no reader of HTTP can differ with it.
"""

import re

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE = re.compile((r"(" + _TOKEN + r") (\*|/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*"
                    r"(?:\?[!$-;=?-\[\]-~]*)?) HTTP/1\.1").encode() + rb"\Z")
_FIELD = re.compile((r"(" + _TOKEN + r"):(?: |)").encode() +
                    rb"((?:[^\x00-\x20\x7f](?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?)\Z")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._]+)(?::[0-9]{0,5})?\Z")
_LENGTH = re.compile(r"(?:0|[1-9][0-9]*)\Z")
_SIZE = re.compile(rb"(?:0|[1-9a-f][0-9a-f]*)\Z")

# Fields of one connection; the proxy says none of them but the last three, for itself.
_HOP = {"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
        "http2-settings", "upgrade", "connection", "te"}
_NEVER_TRAIL = {"host", "content-length", "transfer-encoding", "trailer", "authorization", "cookie",
                "set-cookie", "content-type", "content-encoding", "content-range", "range",
                "max-forwards", "expect", "cache-control", "if-match", "connection", "te",
                "upgrade", "keep-alive", "x-forwarded-for", "x-real-ip", "forwarded", "via"}

# Fields the proxy may say of its own.
OWN = {"host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "via",
       "forwarded", "x-real-ip", "x-request-id", "cdn-loop", "max-forwards", "trailer"}


class NotCanonical(AssertionError):
    """Bytes that two readers might take for different requests."""


class Incomplete(Exception):
    """The bytes end within a request."""


class Request:
    def __init__(self, method, target, fields, body, trailers, raw):
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
        self.trailers = trailers
        self.raw = raw

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name]

    @property
    def end_to_end(self):
        """The fields that are not the proxy's own."""
        return [(n, v) for n, v in self.fields
                if n.lower() not in OWN and not n.lower().startswith("x-forwarded-")]

    def __repr__(self):
        return "<%s %s %r %r>" % (self.method, self.target, self.fields, self.body[:60])


def _line(data, at):
    end = data.find(b"\r\n", at)
    if end < 0:
        raise Incomplete
    return data[at:end], end + 2


def _fields(data, at):
    fields = []
    while True:
        line, at = _line(data, at)
        if not line:
            return fields, at
        match = _FIELD.match(line)
        if match is None:
            raise NotCanonical("field line %r" % line)
        fields.append((match[1].decode(), match[2].decode("latin-1")))


def _only(fields, name):
    values = [v for n, v in fields if n.lower() == name]
    if len(values) > 1:
        raise NotCanonical("%d fields %s" % (len(values), name))
    return values[0] if values else None


def _judge(fields):
    host = _only(fields, "host")
    if host is None or not _HOST.match(host):
        raise NotCanonical("Host %r" % host)
    options = (_only(fields, "connection") or "").lower()
    if options not in ("", "te", "upgrade", "te, upgrade"):
        raise NotCanonical("Connection: %s" % options)
    if (_only(fields, "te") or "trailers") != "trailers":
        raise NotCanonical("TE other than trailers")
    present = {n.lower() for n, _ in fields} & _HOP
    said = set(options.split(", ")) - {""}
    if present != said | ({"connection"} if said else set()):
        raise NotCanonical("fields of a connection: %r" % present)
    for n, _ in fields:
        alias = n.lower().replace("_", "-")
        if "_" in n and (alias in _HOP | OWN or alias.startswith("x-forwarded-")):
            raise NotCanonical("alias %s" % n)
    for name in ("content-type", "authorization", "x-forwarded-for", "x-forwarded-proto",
                 "x-real-ip", "x-request-id", "forwarded", "max-forwards"):
        _only(fields, name)


def _chunked(data, at):
    body = b""
    while True:
        line, at = _line(data, at)
        if not _SIZE.match(line):
            raise NotCanonical("chunk size %r" % line)
        size = int(line, 16)
        if size == 0:
            break
        if len(data) < at + size + 2:
            raise Incomplete
        body += data[at:at + size]
        if data[at + size:at + size + 2] != b"\r\n":
            raise NotCanonical("chunk without CRLF")
        at += size + 2
    trailers, at = _fields(data, at)
    for name, _ in trailers:
        if name.lower() in _NEVER_TRAIL or "_" in name:
            raise NotCanonical("trailer %s" % name)
    return body, trailers, at


def read(data, at=0):
    """The request at data[at:] and where it ends."""
    begin = at
    line, at = _line(data, at)
    match = _LINE.match(line)
    if match is None:
        raise NotCanonical("request line %r" % line)
    fields, at = _fields(data, at)
    _judge(fields)
    length, coding = _only(fields, "content-length"), _only(fields, "transfer-encoding")
    body, trailers = b"", []
    if length is not None and coding is not None:
        raise NotCanonical("two framings")
    if coding is not None:
        if coding != "chunked":
            raise NotCanonical("coding %r" % coding)
        body, trailers, at = _chunked(data, at)
    elif length is not None:
        if not _LENGTH.match(length):
            raise NotCanonical("length %r" % length)
        if len(data) < at + int(length):
            raise Incomplete
        body = data[at:at + int(length)]
        at += int(length)
    return Request(match[1].decode(), match[2].decode(), fields, body, trailers,
                   data[begin:at]), at
