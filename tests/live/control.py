#!/usr/bin/env python3
"""Talks to a control socket as no command would.

    control.py PATH --nobody WORD…  sends the line as a user without rights,
                                    and prints what comes back
    control.py PATH --hostile       half lines, floods and deaths
"""
import os
import socket
import sys


def dial(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.settimeout(5)
    return s


def tell(path, line):
    with dial(path) as s:
        answer = b""
        try:
            s.sendall(line.encode() + b"\n")
        except BrokenPipeError:
            pass  # it may say no before it is asked
        try:
            while data := s.recv(65536):
                answer += data
        except ConnectionResetError:
            pass  # so the kernel says that it did not read what was asked
    return answer.decode()


def hostile(path):
    idle = [dial(path) for _ in range(40)]
    for s in idle[20:]:
        try:
            s.sendall(b"worker remove 1")
        except OSError:
            pass  # it had to make room
    for i in range(200):
        with dial(path) as s:
            try:
                s.sendall((b"x" * 5000, b"\0\xff\n", b"top\n")[i % 3])
            except OSError:
                pass
    assert tell(path, "version").startswith("ok "), "it is held up"
    for s in idle:
        s.close()


if sys.argv[2] == "--hostile":
    hostile(sys.argv[1])
else:
    os.setgroups([])
    os.setuid(65534)
    sys.stdout.write(tell(sys.argv[1], " ".join(sys.argv[3:])))
