"""HTTP/1 messages as the tests see them: read to the letter, nothing repaired."""


class Message:
    """A head, its body and trailers; fields in the order and case they came."""

    def __init__(self, line, fields):
        self.line = line
        self.fields = fields
        self.body = b""
        self.trailers = []
        self.chunks = 0
        self.raw_head = b""

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def has(self, name):
        return bool(self.all(name))


class Request(Message):
    def __init__(self, line, fields):
        super().__init__(line, fields)
        self.method, self.target, self.version = line.split(" ")
        self.connection = None

    def __repr__(self):
        return "<%s>" % self.line


class Response(Message):
    def __init__(self, line, fields):
        super().__init__(line, fields)
        parts = line.split(" ", 2)
        self.version = parts[0]
        self.status = int(parts[1])
        self.reason = parts[2] if len(parts) > 2 else ""
        self.interim = []

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def expect(self, status, body=None):
        assert self.status == status, "expected %d, got %s %r" % (status, self.line, self.body[:200])
        if body is not None:
            wanted = body.encode() if isinstance(body, str) else body
            assert self.body == wanted, "expected body %r, got %r" % (wanted[:200],
                                                                      self.body[:200])
        return self

    def __repr__(self):
        return "<%s, %d bytes>" % (self.line, len(self.body))


class Closed(Exception):
    """The peer closed where a message was due; .got holds what had come."""

    def __init__(self, got):
        super().__init__("closed after %r" % got[:300])
        self.got = got


class Reader:
    """Buffers a socket's bytes; recv is called as recv(size)."""

    def __init__(self, recv):
        self._recv = recv
        self.buffer = b""
        self.record = None  # a bytearray keeps everything that came

    def fill(self):
        data = self._recv(65536)
        if not data:
            raise Closed(self.buffer)
        if self.record is not None:
            self.record += data
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        at = self.buffer.index(mark) + len(mark)
        found, self.buffer = self.buffer[:at], self.buffer[at:]
        return found

    def exactly(self, size):
        while len(self.buffer) < size:
            self.fill()
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def to_end(self):
        try:
            while True:
                self.fill()
        except Closed:
            found, self.buffer = self.buffer, b""
            return found

    def head(self, kind):
        raw = self.until(b"\r\n\r\n")
        lines = raw[:-4].decode("latin-1").split("\r\n")
        message = kind(lines[0], _fields(lines[1:]))
        message.raw_head = raw
        return message

    def chunked(self, message, on_data=None):
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            message.chunks += 1
            data = self.exactly(size)
            if on_data is None:
                message.body += data
            else:
                on_data(data)
            assert self.exactly(2) == b"\r\n", "chunk without CRLF"
        lines = []
        while True:
            line = self.until(b"\r\n")[:-2].decode("latin-1")
            if line == "":
                break
            lines.append(line)
        message.trailers = _fields(lines)

    def length(self, message, size, on_data=None):
        if on_data is None:
            message.body = self.exactly(size)
            return
        left = size
        while left > 0:
            if not self.buffer:
                self.fill()
            piece, self.buffer = self.buffer[:left], self.buffer[left:]
            left -= len(piece)
            on_data(piece)


def _fields(lines):
    fields = []
    for line in lines:
        name, colon, value = line.partition(":")
        assert colon, "a header line without a colon: %r" % line
        fields.append((name, value.strip(" \t")))
    return fields


def read_request(reader, on_data=None, before_body=None):
    request = reader.head(Request)
    if before_body is not None:
        before_body(request)
    if (request.get("transfer-encoding") or "").lower() == "chunked":
        reader.chunked(request, on_data)
    elif request.has("content-length"):
        reader.length(request, int(request.get("content-length")), on_data)
    return request


def read_response(reader, method="GET", on_data=None):
    """The final response; interim ones are kept in .interim."""
    interim = []
    while True:
        response = reader.head(Response)
        if response.status >= 200 or response.status == 101:
            break
        interim.append(response)
    response.interim = interim
    if method == "HEAD" or response.status in (101, 204, 304):
        return response
    if (response.get("transfer-encoding") or "").lower() == "chunked":
        reader.chunked(response, on_data)
    elif response.has("content-length"):
        reader.length(response, int(response.get("content-length")), on_data)
    else:
        response.body = reader.to_end()
    return response
