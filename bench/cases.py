"""What is asked: one Case is one endpoint with the numbers that vary.

The SQL comes out of the app's own api/*.sql, so that the limit programs, the
JavaScript peers and the expected answers all follow the text that Prong runs.
"""
import hashlib
import json
import pathlib
import re
import sqlite3
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"
HEALTH = {"status": "ok"}
METHODS = "GET|POST|PUT|PATCH|DELETE"


def statements(app):
    """{"GET /chefs/{id}": ["SELECT …"]} of an app's folder."""
    found = {}
    for file in sorted((app / "api").glob("*.sql")):
        text = file.read_text()
        for block in re.split(rf"^(?=-- (?:{METHODS}) )", text, flags=re.M):
            head = re.match(rf"-- ((?:{METHODS}) \S+)", block)
            if not head:
                continue
            sql = re.sub(r"^\s*--.*$", "", block, flags=re.M)
            sql = sql.replace(":auth.", ":auth_")
            found[head[1]] = [
                part.strip() for part in re.split(r";\s*$", sql, flags=re.M)
                if part.strip()]
    return found


# worker/endpoint/token.c looks a token up so.
TOKEN_SQL = ("SELECT user_id, role FROM tokens WHERE sha256 = :sha256"
             " AND (expires_at IS NULL OR datetime(expires_at) > :now)")
DEMO_USER, DEMO_TOKEN = 2, "user_token"

VARIES = object()  # a binding: the number that differs in each request


class Day(str):
    """A binding: a date of which this is the part before the day."""


@dataclass
class Case:
    """{n} in path and body is a number from low to high, {dd} a day."""
    name: str
    title: str
    endpoint: str
    path: str
    low: int = 0
    high: int = 0
    token: str = ""
    body: str = ""
    status: int = 200
    many: bool = False
    bindings: dict = field(default_factory=dict)
    statements: list = field(default_factory=list)
    page: str = ""        # what the server adds to the statement of a list
    nested: tuple = ()    # columns that hold JSON text
    volatile: tuple = ()  # fields that differ from run to run
    fixed: object = None  # the answer of one with no database behind it
    file_bytes: int = 0   # it is a static file of that size
    answer_bytes: int = 0  # of a usual answer's body
    head_bytes: int = 0   # of its head, where the bare loop sends as many
    script: str = "requests.lua"  # who makes wrk's requests

    @property
    def method(self):
        return self.endpoint.split()[0]

    def filled(self, text, n):
        return text.replace("{n}", str(n)).replace("{dd}", "15")

    def samples(self):
        """Numbers to verify with; a write is tried once."""
        if self.method != "GET":
            return [self.high]
        return sorted({self.low, (self.low + self.high) // 2, self.high})

    def values(self, n):
        """The bindings for the request whose number is n."""
        def value(bound):
            if bound is VARIES:
                return n
            return bound + "15" if isinstance(bound, Day) else bound
        return {name: value(bound) for name, bound in self.bindings.items()}

    def limit_bindings(self):
        """The same as bench/limit/sqlite takes them."""
        def spec(bound):
            if bound is VARIES:
                return f":{self.low}:{self.high}"
            if isinstance(bound, int):
                return f":{bound}:{bound}"
            return f"{bound}:10:28" if isinstance(bound, Day) else bound
        return [f"-b{name}={spec(bound)}"
                for name, bound in self.bindings.items()
                if bound is not None]

    def limit_statements(self):
        """All that the server runs, so with the look-up of the token."""
        return [TOKEN_SQL] * bool(self.token) + self.statements


def expected(case, database, n):
    """The answer, made by running the statements with Python's sqlite3 and
    throwing away what they wrote."""
    if case.fixed:
        return case.fixed
    db = sqlite3.connect(database, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("BEGIN")
    rows = []
    for sql in case.statements:
        rows = [dict(row) for row in db.execute(sql, case.values(n))]
    db.execute("ROLLBACK")
    db.close()
    for row in rows:
        for name in case.nested:
            row[name] = json.loads(row[name])
    if case.many:
        return rows
    if not rows:
        raise SystemExit(f"{case.name}: no row for {n}: nothing to compare")
    return rows[0]


def without(value, names):
    """value less the fields of those names."""
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if k not in names}
    return value


def plain_cases():
    found = statements(ROOT / "bench" / "app")
    cases = [
        Case("health", "fixed answer", "GET /api/health", "/api/health",
             fixed=HEALTH),
        Case("read", "chef by id: indexed read of one row",
             "GET /chefs/{id}", "/chefs/{n}", 1, 500,
             bindings={"id": VARIES}),
        Case("join", "bookings of a user with chef names: join of 20 rows",
             "GET /users/{user_id}/bookings", "/users/{n}/bookings", 1, 1000,
             bindings={"user_id": VARIES}, many=True),
        Case("list", "product list: 50 rows", "GET /products", "/products",
             many=True),
        Case("insert", "order: insert with three indices, NORMAL",
             "POST /orders", "/orders", 1, 500, status=201,
             body='{"user_id":{n},"chef_id":{n},'
                  '"booking_date":"2026-05-{dd}","duration_hours":3}',
             bindings={"user_id": VARIES, "chef_id": VARIES,
                       "booking_date": Day("2026-05-"),
                       "duration_hours": 3}),
    ]
    for case in cases:
        case.statements = found.get(case.endpoint, [])
    return cases


FILES = {"1k.html": 1 << 10, "10k.html": 10 << 10, "1m.html": 1 << 20}


def static_cases():
    return [Case(name, f"static file of {size >> 10} KiB", f"GET /{name}",
                 f"/{name}", fixed=size, file_bytes=size)
            for name, size in FILES.items()]


def platform_cases():
    """SoftFactory's own endpoints: tokens, pages, nested JSON, triggers."""
    found = statements(ROOT / "etc" / "softfactory")
    own = {"auth_user_id": DEMO_USER, "now": "2026-03-01 00:00:00",
           "sha256": hashlib.sha256(DEMO_TOKEN.encode()).hexdigest()}
    cases = [
        Case("health", "health", "GET /api/health", "/api/health",
             fixed=HEALTH),
        Case("chef", "chef by id, his latest five reviews nested",
             "GET /api/coocook/chefs/{id}", "/api/coocook/chefs/{n}", 1, 24,
             bindings={"id": VARIES}, nested=("reviews",)),
        Case("bookings", "one's own bookings with chef names: 20 rows, token",
             "GET /api/coocook/bookings", "/api/coocook/bookings",
             token=DEMO_TOKEN, many=True,
             page=' ORDER BY "booking_date" DESC, "id" DESC LIMIT :prong_limit',
             bindings={**own, "prong_limit": 20, "status": None, "from": None,
                       "to": None}),
        Case("products", "products: the first page of 50",
             "GET /api/platform/products", "/api/platform/products",
             many=True, page=" LIMIT :prong_limit OFFSET :prong_offset",
             bindings={"prong_limit": 50, "prong_offset": 0,
                       "category": None}),
        Case("booking", "booking: five indices, two foreign keys, a trigger, "
             "token", "POST /api/coocook/bookings",
             "/api/coocook/bookings", 1, 24, token=DEMO_TOKEN, status=201,
             body='{"chef_id":{n},"booking_date":"2026-05-{dd}",'
                  '"duration_hours":3}',
             bindings={**own, "chef_id": VARIES, "booking_date":
                       Day("2026-05-"), "duration_hours": 3},
             volatile=("created_at",)),
    ]
    for case in cases:
        case.statements = found.get(case.endpoint, [])
        if case.page:
            case.statements = [f"SELECT * FROM ({case.statements[0]}\n)"
                               + case.page]
    return cases
