"""What 74-cache-strangers.sh does to a running server's database through the
sqlite3 shell, with warm caches; all workers are asked after each step."""

from client import Connection, check, same
import json
import os
import subprocess

DATABASE = os.environ["DATABASE"]
BACKUP = DATABASE + ".backup"
connections = [Connection() for _ in range(12)]


def shell(*commands):
    command = ["sqlite3", "-bail", "-cmd", ".timeout 5000", DATABASE, *commands]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    same(done.returncode, 0, f"{commands}: {done.stderr}")
    return done.stdout.strip()


def put(c, name):
    body = json.dumps({"name": name}).encode()
    c.ask("PUT", "/chart/1", ["Content-Type: application/json"], body)
    same(c.read().status, 204, "PUT")


def name_of(c):
    return json.loads(c.get("/chart").body)[0]["name"]


def warm():
    for path in ("/chart", "/sizes") * 2:
        for c in connections:
            last = c.get(path)
        check("; hit" in last.headers["cache-status"], f"{path} is not kept")


def all_say(name, what):
    size = shell("SELECT sum(size) FROM items").encode()
    for c in connections:
        same(name_of(c), name, f"after {what}")
        same(c.get("/sizes").body, size, f"/sizes after {what}")


# Many small ones, between warm caches and writes of our own.
for n in range(12):
    warm()
    shell(f"UPDATE items SET name = 'shell {n}', size = {n + 1} WHERE id = 1")
    all_say(f"shell {n}", "a write by the shell")
    put(connections[n], f"ours {n}")
    all_say(f"ours {n}", "a write of ours")
    put(connections[n], f"ours again {n}")
    shell(f"UPDATE items SET name = 'at once {n}' WHERE id = 1")
    all_say(f"at once {n}", "a write by the shell behind one of ours")

# One connection that stays open, and one transaction of many statements.
with subprocess.Popen(["sqlite3", DATABASE], stdin=subprocess.PIPE,
                      stdout=subprocess.PIPE, text=True) as open_shell:
    def say(line):
        open_shell.stdin.write(line + "\n.print done\n")
        open_shell.stdin.flush()
        same(open_shell.stdout.readline(), "done\n", line)

    warm()
    say("BEGIN; UPDATE items SET name = 'not yet' WHERE id = 1;")
    for c in connections:
        same(name_of(c), "at once 11", "before the commit")
    say("UPDATE items SET name = 'now' WHERE id = 1; COMMIT;")
    all_say("now", "the commit")
    warm()
    say("BEGIN; UPDATE items SET name = 'never' WHERE id = 1; ROLLBACK;")
    all_say("now", "a rollback")
    open_shell.stdin.close()

# A backup restored over the running database.
shell(f".backup '{BACKUP}'")
put(connections[0], "after the backup")
warm()
all_say("after the backup", "a write")
shell(f".restore '{BACKUP}'")
all_say("now", "the restore")
put(connections[1], "after the restore")
all_say("after the restore", "a write")
warm()
shell("VACUUM")
all_say("after the restore", "VACUUM")
put(connections[2], "after VACUUM")
all_say("after VACUUM", "a write")
warm()
shell("PRAGMA wal_checkpoint(TRUNCATE)")
all_say("after VACUUM", "a checkpoint")
shell("UPDATE items SET name = 'into a new WAL' WHERE id = 1")
all_say("into a new WAL", "a write into an empty WAL")
same(shell("PRAGMA integrity_check"), "ok", "the database")
