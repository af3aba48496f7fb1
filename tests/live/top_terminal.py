#!/usr/bin/env python3
"""Looks at `prong top` in a pseudo terminal: it draws, follows the size, ends
by q, ^C and SIGTERM, and leaves the terminal as it found it.

    top_terminal.py PRONG APP MASTER
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

prong, app, master_pid = sys.argv[1:]
LEAVE = b"\x1b[?25h\x1b[?1049l"


class Terminal:
    def __init__(self, rows, columns):
        self.master, self.slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.login_tty(self.slave) if hasattr(os, "login_tty") else self.own()
            os.execv(prong, [prong, "top", app, "--interval", "0.1"])

    def own(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(self.slave, fd)

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, wanted, what):
        end = time.monotonic() + 10
        while wanted not in self.seen:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.master], [], [], max(left, 0))
            if not ready:
                sys.exit(f"{what}: no {wanted!r} in {self.seen[-2000:]!r}")
            self.seen += os.read(self.master, 65536)

    def ends(self, what):
        self.until(LEAVE, what)
        _, status = os.waitpid(self.pid, 0)
        if status != 0:
            sys.exit(f"{what}: status {status}")
        if termios.tcgetattr(self.slave) != self.before:
            sys.exit(f"{what}: the terminal is not as it was")
        os.close(self.master)
        os.close(self.slave)


t = Terminal(24, 100)
t.until(b"\x1b[?1049h", "open")
t.until(b"workers 2 of 2", "first page")
t.until(b"No request is being answered.", "tables")
t.seen = b""
t.size(4, 20)
t.until(b"\x1b[H\x1b[1m", "small")
t.seen = b""
t.until(b"\x1b[J", "small")
t.until(b"\x1b[H", "small")
page = t.seen[:t.seen.index(b"\x1b[J")]
if page.count(b"\r\n") > 3 or b"is being answered" in page:
    sys.exit(f"more than four rows: {page!r}")
os.write(t.master, b"\x1a")  # ^Z does nothing
os.write(t.master, b"q")
t.ends("q")

t = Terminal(24, 100)
t.until(b"workers 2 of 2", "page")
os.write(t.master, b"\x03")
t.ends("^C")

t = Terminal(24, 100)
t.until(b"workers 2 of 2", "page")
os.kill(t.pid, signal.SIGTERM)
t.ends("SIGTERM")
