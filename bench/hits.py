"""The table "cache": what a hit costs, in each of its forms."""
import gzip
import json
import shutil
from dataclasses import dataclass

from cases import DEMO_TOKEN, DEMO_USER, ROOT, VARIES, Case, expected, \
    statements
from load import timed, warm_up
from servers import ANSWERS, SERVERS, ask_plainly, running

ADMIN_TOKEN, ADMIN_USER = "demo_token", 1
CHEF = 7
BYTES_OFF = 0.02  # wrk rounds to three digits at least


@dataclass
class Hit(Case):
    """`form`: identity, gzip or 304."""
    form: str = "identity"


def hit_cases():
    found = statements(ROOT / "bench" / "app")
    products = ("GET /cached/products", "/cached/products")
    cases = [
        Hit("hit", "list of 55 rows", *products, many=True),
        Hit("gzip", "the same list in gzip form", *products, many=True,
            form="gzip"),
        Hit("304", "the same list not modified", *products, many=True,
            form="304"),
        Hit("mine", "a list as long for each user, token", "GET /cached/mine",
            "/cached/mine", token=DEMO_TOKEN, many=True,
            bindings={"auth_user_id": DEMO_USER}),
        Hit("row", "one row", "GET /cached/chefs/{id}", f"/cached/chefs/{CHEF}",
            CHEF, CHEF, bindings={"id": VARIES}),
    ]
    for case in cases:
        case.statements = found[case.endpoint]
    return cases


# ---- what the right answer is -----------------------------------------------


def headers_of(case, tag=None):
    """What the request says besides Host."""
    headers = {}
    if case.token:
        headers["Authorization"] = f"Bearer {case.token}"
    if case.form == "gzip":
        headers["Accept-Encoding"] = "gzip"
    if case.form == "304" and tag:
        headers["If-None-Match"] = tag
    return headers


def wrong_form(case, answer, tag):
    """What is wrong besides the body, or null."""
    headers = answer.headers
    wanted = {"ETag": tag}
    if case.form != "304":
        wanted["Content-Encoding"] = "gzip" if case.form == "gzip" else None
        wanted["Content-Type"] = "application/json"
    if answer.status != (304 if case.form == "304" else 200):
        return f"status {answer.status}"
    if case.form == "gzip" and \
            "accept-encoding" not in headers.get("Vary", "").lower():
        return "no Vary"
    for name, value in wanted.items():
        if headers.get(name) != value:
            return f"{name}: {headers.get(name)}, not {value}"
    return None


def wrong_source(server, answer):
    """Those that say what their cache did have to say that it was a hit."""
    said = answer.headers.get("Cache-Status", "nothing of its cache")
    asked = server.name.startswith(("prong", "nginx-cache"))
    return said if asked and "hit" not in said.lower() else None


def wrong_body(case, answer, want):
    if case.form == "304":
        return f"a body of {len(answer.body)} bytes" if answer.body else None
    body = answer.body
    text = gzip.decompress(body) if case.form == "gzip" else body
    return None if json.loads(text) == want else text[:300]


def verified(case, server, port):
    """(headers, bytes): what wrk is to say and how long each answer is then.
    The first time fills the cache, the second time may compress."""
    if server.name == "bare":
        return {}, ask_plainly(port, case.path, {}).bytes
    for _ in range(2):
        filled = ask_plainly(port, case.path, headers_of(case))
    tag = filled.headers.get("ETag")
    headers = headers_of(case, tag)
    answer = ask_plainly(port, case.path, headers)
    fault = wrong_form(case, answer, tag) or wrong_source(server, answer) or \
        wrong_body(case, answer, case.fixed) or \
        (case.token and leak(case, port))
    if not tag or fault:
        raise RuntimeError(f"{server.name}: {case.path}, {case.form}: "
                           f"{fault or 'no ETag'}")
    return headers, answer.bytes


def leak(case, port):
    """Whether the answer of one user is given to another, or to nobody."""
    other = ask_plainly(port, case.path,
                        {"Authorization": f"Bearer {ADMIN_TOKEN}"})
    nobody = ask_plainly(port, case.path, {})
    if {row["user_id"] for row in json.loads(other.body)} != {ADMIN_USER}:
        return "another user's answer"
    return None if nobody.status == 401 else "given without a token"


# ---- answers as files, and for the bare loop ---------------------------------


def learn(app, base):
    """The cases with what is to be answered, and as many bytes as Prong
    does. Leaves the answers as files for the servers that know only those."""
    cases = hit_cases()
    shutil.rmtree(ANSWERS, ignore_errors=True)
    with running(SERVERS["prong"], app, base) as (_pid, port, _log):
        for case in cases:
            case.fixed = expected(case, base, case.low)
            headers, _bytes = verified(case, SERVERS["prong"], port)
            answer = ask_plainly(port, case.path, headers)
            case.answer_bytes = len(answer.body)
            case.head_bytes = answer.head_bytes
            if case.form == "identity":
                write_files(case, port)
    return cases


def write_files(case, port):
    tokens = {f".{DEMO_USER}": DEMO_TOKEN, f".{ADMIN_USER}": ADMIN_TOKEN}
    for suffix, token in (tokens if case.token else {"": ""}).items():
        path = ANSWERS / (case.path[1:] + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = ask_plainly(port, case.path, headers).body
        path.write_bytes(body)
        path.with_name(path.name + ".gz").write_bytes(
            gzip.compress(body, 6, mtime=0))


# ---- measuring ---------------------------------------------------------------


def measure_case(server, case, where, seconds):
    """`where`: (pid, port, whether the server is warm)."""
    pid, port, warm = where
    headers, size = verified(case, server, port)
    lines = [f"{name}: {value}" for name, value in headers.items()
             if name != "Authorization"]  # requests.lua makes it of the token
    if not warm:
        warm_up(port, case, lines)
    got = timed(pid, port, case, seconds, lines)
    if abs(got.bytes - size) > BYTES_OFF * size:
        raise RuntimeError(f"{server.name}: {case.name}: answers of "
                           f"{got.bytes:.0f} bytes, verified was {size}")
    return got


def measure_hits(table, server, seconds, found):
    """One round of one server. Hits are soon warm: one warm-up for all."""
    names = table.servers[server.name]
    cases = [c for c in table.cases if names is None or c.name in names]
    groups = [[c] for c in cases] if server.name == "bare" else [cases]
    for group in groups:
        with running(server, table.app, table.base, case=group[0]) as \
                (pid, port, _log):
            for nth, case in enumerate(group):
                found[case.name, server.name].append(
                    measure_case(server, case, (pid, port, nth > 0), seconds))
