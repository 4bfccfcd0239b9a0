"""Certificates, made once for a run with the openssl command."""

import contextlib
import fcntl
import os
import ssl
import zlib

from .process import run

_LEAF = """[req]
distinguished_name = dn
prompt = no
[dn]
CN = {cn}
[ext]
basicConstraints = CA:FALSE
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = {san}
"""

_CA = """[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = {cn}
[ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
"""


class Pair:
    """Paths of a certificate and its key."""

    def __init__(self, directory, name):
        self.chain = os.path.join(directory, name + ".crt")
        self.key = os.path.join(directory, name + ".key")


class Pki:
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)

    @contextlib.contextmanager
    def _alone(self):
        """Tests share the directory: two that make one certificate would mix its files."""
        with open(os.path.join(self.directory, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def authority(self, name):
        with self._alone():
            return self._authority(name)

    def _authority(self, name):
        pair = Pair(self.directory, name)
        if not os.path.exists(pair.chain):
            conf = self._write(name + ".cnf", _CA.format(cn="Test CA " + name))
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "30", "-config", conf, "-keyout", pair.key,
                 "-out", pair.chain])
        return pair

    def leaf(self, name, names, ca="ca", rsa=False, days=29):
        """A certificate for names ("a.example.com" or "IP:1.2.3.4"), signed by the authority."""
        with self._alone():
            return self._leaf(name, names, ca, rsa, days)

    def _leaf(self, name, names, ca, rsa, days):
        # Whoever uses a name for something else, an authority say, has a file of its own.
        name = "%s-%08x" % (name, zlib.crc32(repr((names, ca, rsa, days)).encode()))
        pair = Pair(self.directory, name)
        if os.path.exists(pair.chain):
            return pair
        issuer = self._authority(ca)
        san = ", ".join(n if n.startswith("IP:") else "DNS:" + n for n in names)
        conf = self._write(name + ".cnf", _LEAF.format(cn=names[0].replace("IP:", ""), san=san))
        algorithm = (["-newkey", "rsa:2048"] if rsa else
                     ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        csr = os.path.join(self.directory, name + ".csr")
        run(["openssl", "req", "-new", "-nodes", "-config", conf, "-keyout", pair.key,
             "-out", csr] + algorithm)
        run(["openssl", "x509", "-req", "-in", csr, "-CA", issuer.chain, "-CAkey", issuer.key,
             "-CAcreateserial", "-CAserial", pair.chain + ".srl", "-days", str(days),
             "-extfile", conf, "-extensions", "ext", "-out", pair.chain])
        return pair

    def site(self):
        """The usual server certificate of the tests."""
        return self.leaf("site", ["shop.example.com", "localhost", "example.com"])

    def client_context(self, ca="ca", pair=None, alpn=("http/1.1",), minimum=None, maximum=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority(ca).chain)
        if pair is not None:
            context.load_cert_chain(pair.chain, pair.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if minimum is not None:
            context.minimum_version = minimum
        if maximum is not None:
            context.maximum_version = maximum
        return context

    def server_context(self, pair, client_ca=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.chain, pair.key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context

    def _write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as f:
            f.write(text)
        return path
