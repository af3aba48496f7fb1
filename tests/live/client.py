"""A small HTTP/1.1 client on a bare socket, for what curl cannot do: bytes
sent slowly, pipelined, malformed or cut, and many connections at once.

As a program: client.py listen PORTFILE COMMAND… binds a free port, writes its
number into the file, and becomes the command with the socket as descriptor 3.
"""

import os
import socket
import sys
import time


class Answer:
    def __init__(self, status, version, headers, body):
        self.status = status
        self.version = version
        self.headers = headers  # names in lower case
        self.body = body

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


class Closed(Exception):
    """The server closed the connection before a whole answer."""


class Connection:
    def __init__(self, port=None, timeout=20.0, receive=None):
        address = ("127.0.0.1", int(port or os.environ["PORT"]))
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive:  # a small window, for readers that are slow
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def send_slowly(self, data, pause=0.01, step=1):
        for at in range(0, len(data), step):
            self.send(data[at:at + step])
            time.sleep(pause)

    def ask(self, method, path, headers=(), body=b"", host="localhost"):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, *headers, "", ""]).encode() + body)

    def get(self, path, headers=()):
        self.ask("GET", path, headers)
        return self.read()

    def _more(self):
        got = self.socket.recv(65536)
        if not got:
            raise Closed(f"closed after {self.pending[:200]!r}")
        self.pending += got

    def _take(self, count):
        while len(self.pending) < count:
            self._more()
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def read(self, head=False):
        """The next answer; its body is delimited by Content-Length."""
        while b"\r\n\r\n" not in self.pending:
            self._more()
        text, self.pending = self.pending.split(b"\r\n\r\n", 1)
        first, *lines = text.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, value = line.split(": ", 1)
            headers[name.lower()] = value
        bodyless = head or status in ("204", "304") or status[0] == "1"
        length = 0 if bodyless else int(headers["content-length"])
        return Answer(int(status), version, headers, self._take(length))

    def is_closed(self, within=5.0):
        """Waits for the end of the stream; False if bytes or nothing come."""
        self.socket.settimeout(within)
        try:
            return not self.pending and self.socket.recv(1) == b""
        except socket.timeout:
            return False
        except ConnectionResetError:
            return True

    def is_open(self):
        """Neither closed nor with bytes to read at this moment."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(20.0)


def check(true, what):
    if not true:
        sys.exit(f"FAILED: {what}")


def same(got, wanted, what):
    check(got == wanted, f"{what}: {got!r}, not {wanted!r}")


def listen(port_file, command):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 0))
    server.listen(1024)
    os.dup2(server.fileno(), 3)
    os.set_inheritable(3, True)
    with open(port_file + ".new", "w", encoding="ascii") as out:
        out.write(str(server.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    os.execv(command[0], command)


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] != "listen":
        sys.exit(__doc__)
    listen(sys.argv[2], sys.argv[3:])
