"""
HTTP/1.1 requests as data: what a client sends, and what may reach an endpoint of it.

case.py has the words the tables are written in, canonical.py what an endpoint may be sent,
judge.py tries the cases. The tables (line, target, host, fields, length, coding, chunked, hop,
sequence) follow RFC 9112 and 9110.
"""
