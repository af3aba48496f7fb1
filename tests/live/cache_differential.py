"""What 78-cache-differential.sh does: each step is a write or nothing, told to
both servers, and then some questions to both, whose answers must be equal in
status, body, tag and links. One seed is one sequence of requests."""

from client import Connection, check
from urllib.parse import quote
import gzip
import json
import os
import random
import sqlite3

SEED = int(os.environ["SEED"])
STEPS = int(os.environ.get("STEPS") or 800)
TOKENS = os.environ["TOKENS"].split()
dice = random.Random(SEED)
kept = [Connection(os.environ["KEPT"]) for _ in range(9)]
plain = Connection(os.environ["PLAIN"])
told = []  # what was done, for who has to find out
counts = {}
tags = {}  # the last tag by question
walk = ["/kept/walk"]  # where its links led
recent = []  # questions: who asks again may hit

NAMES = ["Ada", "Bob", "Cyd", "Dan", "Eve", "Ö'", "x" * 40]
TITLES = ["red", "green", "grey", "blue", "gr\"it", "a b", "black", "été", ""]


def one_in(n):
    return dice.randrange(n) == 0


def number():
    return dice.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 50, -1))


# ---- writes ------------------------------------------------------------------

def note():
    return {"text": dice.choice(TITLES),
            "book_id": dice.choice((None, 1, 2, 99))}


def write():
    """Method, path, and what is sent."""
    return dice.choice((
        lambda: ("POST", "/authors", {"name": dice.choice(NAMES)}),
        lambda: ("POST", "/authors/returning", {"name": dice.choice(NAMES)}),
        lambda: ("PUT", f"/authors/{number()}", {"name": dice.choice(NAMES)}),
        lambda: ("PUT", f"/authors/{number()}/id", {"to": number()}),
        lambda: ("DELETE", f"/authors/{number()}", None),
        lambda: ("PUT", "/books", {"title": dice.choice(TITLES),
                                   "pages": number() * 10}),
        lambda: ("PUT", "/books", {"title": dice.choice(TITLES)}),
        lambda: ("PUT", f"/kept/books/{number()}", {"pages": number()}),
        lambda: ("DELETE", f"/books/{number()}", None),
        lambda: ("POST", "/books/ignore", {"title": dice.choice(TITLES)}),
        lambda: ("POST", "/shelf", {"name": dice.choice(NAMES)}),
        lambda: ("POST", "/several", {"name": dice.choice(NAMES)}),
        lambda: ("POST", "/each", {"notes": [note() for _ in range(3)]}),
        lambda: ("POST", "/mine", {"text": dice.choice(TITLES)}),
        lambda: ("PUT", f"/tally/{dice.choice('abc')}", {"n": number()}),
        lambda: ("POST", "/papers", {"text": dice.choice(TITLES) + " sheet"}),
        lambda: ("PUT", f"/papers/{number()}", {"text": "new sheet"}),
        lambda: ("POST", "/reviews", {"book_id": number()}),
        lambda: ("DELETE", "/" + dice.choice(("papers", "reviews", "notes")),
                 None),
    ))()


def tell():
    method, path, body = write()
    headers = ["Content-Type: application/json"]
    data = json.dumps(body).encode() if body is not None else b""
    if path.startswith("/kept/books/") and one_in(2):
        tag = tags.get(path + "|identity|None", '"x"')
        headers.append(f"If-Match: {tag}")
    if path == "/mine":
        headers += user()
    answers(method, path, headers, data)


def stranger():
    sql = (f"UPDATE notes SET text = text || '{number()}'"
           f" WHERE id = {number()}")
    told.append(sql)
    for path in os.environ["DATABASES"].split():
        database = sqlite3.connect(path, timeout=10)
        with database:
            database.execute(sql)
        database.close()


# ---- reads -------------------------------------------------------------------

def user():
    token = dice.choice([*TOKENS, "nobody's", None])
    return [f"Authorization: Bearer {token}"] if token else []


def query(**choices):
    given = [(k, dice.choice(v)) for k, v in choices.items() if one_in(2)]
    dice.shuffle(given)
    return "?" + "&".join(f"{k}={quote(str(v))}" for k, v in given)


def question():
    page = {"limit": (0, 1, 2, 4, 20, 21), "offset": (0, 1, 3, 99),
            "count": ("exact", "no"), "utm": (1, 2)}
    return dice.choice((
        lambda: dice.choice(("authors", "books", "reviews", "notes", "tally",
                             "history", "shelf", "full_shelf", "found",
                             "papers", "fixed", "total", "two")),
        lambda: dice.choice(("mine", "guest", "staff")),
        lambda: f"books/{number()}",
        lambda: "stars" + query(sort=("name", "-name", "stars"), **page),
        lambda: "search" + query(
            q=("gr%", "%", "%e%", "été"), least=(0, 10, 50, -1, "x"),
            author=NAMES, sort=("title", "-pages", "id"),
            fields=("id", "title,id", "id,title", "none", ""), **page),
        lambda: dice.choice(("shelf?fields=name", "shelf?fields=pages,n",
                             "books?fields=title")),
        lambda: dice.choice(walk)[len("/kept/"):],
    ))()


def ask():
    if not recent or one_in(2):
        recent.append("/kept/" + question())
        del recent[:-5]
    path = dice.choice(recent)
    accept = dice.choice((None, None, None, "text/csv", "application/x-ndjson"))
    coding = dice.choice(("identity", "gzip"))
    headers = [f"Accept-Encoding: {coding}"]
    who = user() if path in ("/kept/mine", "/kept/guest", "/kept/staff") else []
    headers += who + ([f"Accept: {accept}"] if accept else [])
    key = f"{path}|{coding}|{accept}"
    if one_in(3):
        headers.append("If-None-Match: " + tags.get(key, '"x"'))
    answer = answers(dice.choice(("GET", "GET", "GET", "HEAD")), path, headers)
    tags[key] = answer.headers.get("etag", '"x"')
    if path.startswith("/kept/walk"):
        learn(answer)


def learn(answer):
    """Cursors lead to where another question came out."""
    for part in answer.headers.get("link", "").split(", "):
        if part.startswith("<"):
            walk.append(part[1:part.index(">")])
    del walk[1:-8]


# ---- both --------------------------------------------------------------------

def put(connection, method, path, headers, body):
    connection.ask(method, path, headers, body)
    return connection.read(head=method == "HEAD")


def essence(answer):
    body = answer.body
    if answer.headers.get("content-encoding") == "gzip" and body:
        body = gzip.decompress(body)
    if answer.status >= 400 and body:
        body = json.loads(body)
        body.pop("request_id")
    names = ("etag", "link", "vary", "content-type", "cache-control",
             "x-total-count", "content-encoding", "content-length",
             "www-authenticate", "allow")
    if answer.status >= 400:
        names = names[1:-3]
    return answer.status, body, {n: answer.headers.get(n) for n in names}


def answers(method, path, headers, body=b""):
    told.append(f"{method} {path} {headers[:3]} {body.decode()}")
    ours = put(dice.choice(kept), method, path, headers, body)
    theirs = put(plain, method, path, headers, body)
    said = ours.headers.get("cache-status", "none").split("; ttl")[0]
    name = f"{ours.status} {said}"
    counts[name] = counts.get(name, 0) + 1
    if essence(ours) != essence(theirs):
        last = "\n    ".join(told[-12:])
        check(False, f"SEED={SEED}, after {len(told)} requests\n    {last}\n"
              f"kept:  {said} {essence(ours)}\nplain: {essence(theirs)}")
    return ours


for _ in range(STEPS):
    if one_in(20):
        stranger()
    elif one_in(2):
        tell()
    for _ in range(dice.choice((1, 2, 4, 8))):
        ask()
print(f"SEED={SEED}, {len(told)} requests")
for name in sorted(counts):
    print(f"{counts[name]:8} {name}")
for name in ("200 prong; hit", "304 prong; hit",
             "200 prong; fwd=stale; detail=outdated; stored"):
    check(counts.get(name, 0) > 20, f"too few to be a test: {name}")
