"""The words of the tables: what is sent, what arrives of it, how it is answered."""

H = "Host: a.example\r\n"
GET = "GET /case HTTP/1.1\r\n" + H
NEXT = "GET /SMUGGLED HTTP/1.1\r\n" + H + "\r\n"


def head(*fields, line="GET /case HTTP/1.1"):
    """A whole head: the line, Host, these fields."""
    return line + "\r\n" + H + "".join(f + "\r\n" for f in fields) + "\r\n"


def post(fields, body):
    return "POST /case HTTP/1.1\r\n" + H + fields + "\r\n" + body


def chunks(body, fields=""):
    return post("Transfer-Encoding: chunked\r\n" + fields, body)


class Arrival:
    """One request as the endpoint must see it. fields: those that are not the proxy's own."""

    def __init__(self, line="GET /case", host="a.example", body="", fields=(), trailers=(),
                 has=(), lacks=(), status=200):
        self.method, self.target = line.split(" ")
        self.host = host
        self.body = body.encode("latin-1") if isinstance(body, str) else body
        self.fields = list(fields)
        self.trailers = list(trailers)
        self.has = list(has)  # fields of the proxy's own, to the letter
        self.lacks = [n.lower() for n in lacks]
        self.status = status


class Case:
    """
    arrivals: what reaches the endpoint, in order. answers: the statuses the client sees, each a
    number or a set of them. closes: the proxy ends the connection behind the last answer.
    """

    def __init__(self, name, data, arrivals, answers, closes):
        self.name = name
        self.data = data.encode("latin-1") if isinstance(data, str) else data
        self.arrivals = arrivals
        self.answers = [{a} if isinstance(a, int) else set(a) for a in answers]
        self.closes = closes
        methods = [a.method for a in arrivals]
        if len(self.answers) > len(arrivals):
            first = self.data.lstrip(b"\r\n").split(b" ")[0].decode("latin-1")
            methods.append(first if not arrivals else "GET")
        self.methods = methods  # of the requests that are answered


def refused(name, data, status=400):
    """Nothing arrives, and the connection ends: what is behind is nobody's request."""
    return Case(name, data, [], [status], True)


def declined(name, data, status):
    """Nothing arrives, but there is no doubt where it ends: the connection goes on."""
    return Case(name, data, [], [status], False)


def passed(name, data, line="GET /case", closes=False, **arrival):
    a = Arrival(line, **arrival)
    return Case(name, data, [a], [a.status], closes)


def passed_then_refused(name, data, line="GET /case", status=400, **arrival):
    """The first request is good; what follows it is refused."""
    return Case(name, data, [Arrival(line, **arrival)], [200, status], True)


def posted(name, fields, body, arrives, **arrival):
    """A good POST with a body."""
    return passed(name, post(fields, body), "POST /case", body=arrives, **arrival)


def rechunked(name, body, arrives, fields="", **arrival):
    """A good chunked body, which is framed anew."""
    return passed(name, chunks(body, fields), "POST /case", body=arrives, **arrival)


def broken(name, body, fields=""):
    """A head that is good and a chunked body that is not: no complete request arrives."""
    return refused(name, chunks(body, fields))
