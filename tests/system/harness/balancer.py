"""
A balancer of connections: one address, several backends behind it, and power over their deaths.

What clouds call a network load balancer: it knows nothing of requests. Each connection goes to the
next backend in turn and stays there.
"""

import asyncio
import ctypes
import socket
import struct
import threading

_ABORT = struct.pack("ii", 1, 0)
_libc = ctypes.CDLL(None)
_NOBODY = bytes(16)  # a sockaddr of AF_UNSPEC: who connects there resets what he has


class _Half(asyncio.Protocol):
    """One of a connection's two sides; what comes goes to the other one."""

    def __init__(self, pair):
        self.pair = pair
        self.transport = None
        self.other = None
        self.early = []

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pair.made(self)

    def data_received(self, data):
        self.pair.moved(self, data)

    def eof_received(self):
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc):
        self.pair.lost(self)

    def reset_at_once(self):
        """By one system call, where reset() takes a turn of the loop; that is to follow."""
        fd = self.transport.get_extra_info("socket").fileno()
        _libc.connect(fd, _NOBODY, len(_NOBODY))

    def reset(self):
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.transport.abort()


class _Pair:
    """A connection that was accepted, and the one to its backend."""

    def __init__(self, balancer):
        self.balancer = balancer
        self.backend = None
        self.waits = False  # the client was heard last
        self.client = _Half(self)
        self.server = None

    def made(self, half):
        if half is not self.client:
            return
        self.balancer.pairs.add(self)
        if self.balancer.ill == "accept":
            half.reset()
            return
        self.backend = self.balancer.next_backend()
        if self.backend in self.balancer.dead:
            self.balancer.refusals += 1
            half.reset()
        elif not self.balancer.ill:
            self.balancer.loop.create_task(self._connect())

    async def _connect(self):
        try:
            _, server = await self.balancer.loop.create_connection(
                lambda: _Half(self), self.backend.address, self.backend.port)
        except OSError:
            self.client.reset()
            return
        if self.client.transport.is_closing():
            server.reset()
            return
        self.server = server
        self.client.other, server.other = server, self.client
        for data in self.client.early:
            server.transport.write(data)

    def moved(self, half, data):
        self.waits = half is self.client
        if self.balancer.ill:
            half.reset()
        elif half.other is None:
            half.early.append(data)
        else:
            half.other.transport.write(data)

    def lost(self, half):
        if half is self.client:
            self.balancer.pairs.discard(self)
        if half is self.server:
            self.client.reset()
        elif half.other is not None:
            half.other.transport.close()

    def reset(self):
        for half in (self.client, self.server):
            if half is not None:
                half.reset()


class Balancer:
    """Runs in a thread of its own; what its methods do is done in one turn of that."""

    def __init__(self, address, port, backends):
        self.address, self.port = address, port
        self.backends = list(backends)
        self.dead = set()  # still routed to: each connection there is reset
        self.draw = None  # a random.Random draws backends instead of taking them in turn
        self.refusals = 0  # connections that met a dead backend
        self.ill = ""
        self.pairs = set()
        self.loop = asyncio.new_event_loop()
        self._turn = 0
        self._server = None
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._listen())

    def url(self, scheme="http"):
        return "%s://%s:%d" % (scheme, self.address, self.port)

    def next_backend(self):
        if self.draw is not None:
            return self.draw.choice(self.backends)
        self._turn += 1
        return self.backends[self._turn % len(self.backends)]

    def routes_to(self, *backends):
        """New connections go to these in turn from now on."""
        self.backends = list(backends)

    def lose(self, backend, noticed=True, over_s=0):
        """
        One backend dies: what it had is reset in one moment, or one after the other in that time.
        Where that is noticed it gets nothing new, else its turn comes as before, and who gets it is
        reset too.
        """

        async def lose():
            if noticed:
                self.backends = [b for b in self.backends if b is not backend]
            else:
                self.dead.add(backend)
            lost = [p for p in self.pairs if p.backend is backend] if over_s else []
            for pair in lost:
                pair.client.reset_at_once()
                pair.reset()
                await asyncio.sleep(over_s / len(lost))
            self._reset(backend)

        self._do(lose())

    def forget(self):
        """Everything is reset, and all is well."""

        async def forget():
            self._reset()

        self._do(forget())

    def die(self):
        """Everything is reset, and whoever connects is refused."""

        async def die():
            self._server.close()
            self._reset()

        self._do(die())

    def fall_ill(self, at="bytes"):
        """Everything is reset, and whoever comes once he has said something (or at "accept")."""

        async def fall_ill():
            self.ill = at
            self._reset()

        self._do(fall_ill())

    def turn(self):
        """Returns when its loop has gone round once."""

        async def turn():
            pass

        self._do(turn())

    def stop(self):
        self.die()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    def waiting_of(self, backend):
        """Its connections on which the client was heard last."""
        return sum(pair.backend is backend and pair.waits for pair in list(self.pairs))

    def _reset(self, backend=None):
        lost = [p for p in self.pairs if backend is None or p.backend is backend]
        for pair in lost:
            pair.client.reset_at_once()
        for pair in lost:
            pair.reset()

    async def _listen(self):
        self._server = await self.loop.create_server(
            lambda: _Pair(self).client, self.address, self.port, backlog=1024)

    def _do(self, step):
        return asyncio.run_coroutine_threadsafe(step, self.loop).result(10)
