"""Hostile clients: each attack is a coroutine that does harm until it is
cancelled, from addresses of its own (127.9.x.y), so that limits for one
address meet it and nobody else.

    attacks.py NAME[,NAME…] PORT [--seed N]

does so until SIGTERM, then says in one JSON object what became of it:
connections made, answers by status, and how often it was cut off.
"""
import argparse
import asyncio
import collections
import contextlib
import json
import os
import random
import resource
import signal
import socket

IDLE = 2500  # more than two workers take by default
CROWD = 10000
SMALL_WINDOW = 4096

REQUEST = b"GET /items HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
TRAILING = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def post(fields, body):
    return (b"POST /orders HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body)


# Two readings of one stream of bytes: whoever takes them for more than one
# request behind a proxy smuggles the second (RFC 9112, 6.3 and 11.2).
SMUGGLING = [
    post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
         b"0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
         b"0\r\n\r\n" + TRAILING),
    post(b"Content-Length: 4\r\nContent-Length: 5\r\n", b"abcd" + TRAILING),
    post(b"Content-Length: 4, 5\r\n", b"abcd" + TRAILING),
    post(b"Content-Length: +4\r\n", b"abcd" + TRAILING),
    post(b"Content-Length: 0x4\r\n", b"abcd" + TRAILING),
    post(b"Content-Length: -1\r\n", TRAILING),
    post(b"Content-Length : 4\r\n", b"abcd" + TRAILING),
    post(b"Content-Length: 99999999999999999999\r\n", TRAILING),
    post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding: identity, chunked\r\n", b"0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
         b"0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + TRAILING),
    post(b" Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + TRAILING),
    post(b"X: y\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\n", b"-1\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\n", b"0x1\r\na\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\n", b"1\na\n0\n\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\n", b"1 \r\na\r\n0\r\n\r\n" + TRAILING),
    post(b"Transfer-Encoding: chunked\r\n", b"1;\x00\r\na\r\n" + TRAILING),
    b"GET /items HTTP/1.1\nHost: a\n\n" + TRAILING,
    b"GET /items HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /items HTTP/1.1\r\n\r\n",
    b"GET /items HTTP/1.1\rHost: a\r\r" + TRAILING,
    b"GET /items\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://b/items HTTP/1.1\r\nHost: a:x\r\n\r\n",
]


class Attack:
    def __init__(self, port, seed):
        self.port = port
        self.random = random.Random(seed)
        self.seen = collections.Counter()

    # ---- means --------------------------------------------------------------

    async def open(self, window=0):
        """A connection from any of our addresses."""
        address = (f"127.9.{self.random.randrange(4)}."
                   f"{self.random.randrange(1, 250)}", 0)
        s = socket.socket()
        s.setblocking(False)
        if window:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        with contextlib.suppress(OSError):
            s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        s.bind(address)
        try:
            await asyncio.get_running_loop().sock_connect(
                s, ("127.0.0.1", self.port))
        except OSError:
            s.close()
            raise
        self.seen["connections"] += 1
        return await asyncio.open_connection(sock=s, limit=1 << 16)

    async def listen(self, reader):
        """Notes what is answered until the connection is closed."""
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.seen[head.split(b" ", 2)[1].decode("latin-1")] += 1
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line[15:]))

    async def one(self, body, window=0):
        """Opens a connection, lets `body` misuse it, closes it."""
        writer = None
        try:
            reader, writer = await self.open(window)
            await body(reader, writer)
        except (OSError, asyncio.IncompleteReadError,
                asyncio.LimitOverrunError, ValueError, IndexError):
            self.seen["cut off"] += 1
        finally:
            if writer:
                writer.transport.abort()

    async def crowd(self, count, body, window=0, pause=0.1):
        """So many at once; who is thrown out comes again."""
        async def again():
            await asyncio.sleep(self.random.random())
            while True:
                await self.one(body, window)
                await asyncio.sleep(pause)
        await asyncio.gather(*(again() for _ in range(count)))

    async def trickle(self, reader, writer, head, drops, pause):
        """A head, then drop by drop, for ever."""
        listener = asyncio.ensure_future(self.listen(reader))
        try:
            writer.write(head)
            while not listener.done():
                writer.write(next(drops))
                await writer.drain()
                await asyncio.wait({listener}, timeout=pause)
            await listener
        finally:
            listener.cancel()

    async def send(self, data, answers=1.0):
        """Bytes on a connection of their own; waits so long for answers."""
        async def body(reader, writer):
            writer.write(data)
            await writer.drain()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.listen(reader), answers)
        await self.one(body)

    # ---- attacks ------------------------------------------------------------

    async def slow_headers(self):
        """500 heads of a byte each half second."""
        def drops():
            while True:
                yield b"x"
        await self.crowd(500, lambda r, w: self.trickle(
            r, w, REQUEST + b"X: ", drops(), 0.5))

    async def slow_bodies(self):
        """300 bodies of a byte each half second."""
        def drops():
            while True:
                yield b" "
        await self.crowd(300, lambda r, w: self.trickle(
            r, w, post(b"Content-Length: 100000\r\n", b""), drops(), 0.5))

    async def slow_readers(self):
        """100 who ask for a large answer, or a file of 2 MB, and take a few
        bytes now and then."""
        async def body(reader, writer):
            reader._limit = 256  # asyncio reads no more than twice that ahead
            path = self.random.choice((b"/long?n=3000", b"/large.txt"))
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            while True:
                if not await reader.read(64):
                    raise ConnectionResetError
                await asyncio.sleep(0.5)
        await self.crowd(100, body, SMALL_WINDOW)

    async def garbage(self):
        """Random bytes, as fast as 20 can send them."""
        async def body():
            while True:
                size = self.random.choice((1, 10, 200, 5000, 50000))
                await self.send(self.random.randbytes(size), 0.1)
                await asyncio.sleep(0.01)
        await asyncio.gather(*(body() for _ in range(20)))

    async def smuggling(self):
        """Bodies that end in two places; nobody may answer the second."""
        async def body():
            while True:
                await self.send(self.random.choice(SMUGGLING), 0.1)
        await asyncio.gather(*(body() for _ in range(8)))

    async def header_floods(self):
        """Heads of 1 MB: many fields, long ones, a long request line."""
        heads = (REQUEST + b"X: y\r\n" * 170000, REQUEST + b"X: "
                 + b"y" * 1000000, b"GET /" + b"y" * 1000000)

        async def body():
            while True:
                await self.send(self.random.choice(heads), 0.2)
        await asyncio.gather(*(body() for _ in range(8)))

    async def endless_bodies(self):
        """Chunks without an end, as fast as 16 can send them."""
        def drops():
            while True:
                yield b"400\r\n" + b" " * 1024 + b"\r\n"
        await self.crowd(16, lambda r, w: self.trickle(
            r, w, CHUNKED + b"\r\n", drops(), 0.002))

    async def idle(self):
        """2,500 connections that say nothing."""
        async def body(reader, _writer):
            await self.listen(reader)
        await self.crowd(IDLE, body)

    async def ten_thousand(self):
        """As many connections, half of which have asked for something. Who is
        thrown out comes again after a while."""
        async def body(reader, writer):
            if self.random.random() < 0.5:
                writer.write(REQUEST + b"\r\n")
            await self.listen(reader)
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        await self.crowd(min(CROWD, hard - 100), body, pause=5)

    async def churn(self):
        """Connections that are made and reset at once."""
        async def body():
            while True:
                await self.one(lambda r, w: asyncio.sleep(0))
                await asyncio.sleep(0.005)
        await asyncio.gather(*(body() for _ in range(8)))

    async def flood(self, request, count=8, burst=16):
        """The same request, so many at a time on so many connections."""
        async def body(reader, writer):
            listener = asyncio.ensure_future(self.listen(reader))
            try:
                while not listener.done():
                    writer.write(request() * burst)
                    await writer.drain()
                    await asyncio.wait({listener}, timeout=0.05)
                await listener
            finally:
                listener.cancel()
        await self.crowd(count, body, pause=0.02)

    async def not_found(self):
        """Paths that do not exist."""
        await self.flood(lambda: b"GET /%x HTTP/1.1\r\nHost: a\r\n\r\n"
                         % self.random.getrandbits(64))

    async def wrong_tokens(self):
        """Tokens by chance."""
        await self.flood(lambda: b"GET /account HTTP/1.1\r\nHost: a\r\n"
                         b"Authorization: Bearer %032x\r\n\r\n"
                         % self.random.getrandbits(128))

    async def dear_questions(self):
        """Four connections that ask for a long sort, again and again."""
        await self.flood(lambda: b"GET /dear?n=%d HTTP/1.1\r\nHost: a\r\n\r\n"
                         % self.random.randrange(100000, 200000), 4, 1)


NAMES = [name for name in vars(Attack)
         if not name.startswith("_") and name not in
         {"open", "listen", "one", "crowd", "trickle", "send", "flood"}]


async def main(options):
    attack = Attack(options.port, options.seed)
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    task = asyncio.ensure_future(asyncio.gather(
        *(getattr(attack, name)() for name in options.names.split(","))))
    print("{}", flush=True)
    await end.wait()
    broken = task.done() and repr(task.exception())
    print(json.dumps({"broken": broken} if broken else attack.seen),
          flush=True)
    os._exit(0)  # a thousand connections need not be closed one by one


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("names")
    p.add_argument("port", type=int)
    p.add_argument("--seed", type=int, default=1)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(10)  # attackers are elsewhere: their CPU time is not the server's
    asyncio.run(main(p.parse_args()))
