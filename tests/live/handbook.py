"""What the operator's handbook says, taken at its word.

    handbook.py blocks PAGE      its blocks marked "sh run", as one script
    handbook.py links PAGE       every link to a section leads to one, also
                                 those in the runbook annotations of RULES
    handbook.py lines PAGE       every log line it lists is in the source
"""

import glob
import re
import sys


def blocks(text):
    """Each is announced on descriptor 9, so that a fault names its place."""
    for match in re.finditer(r"^```sh run\n(.*?)^```$", text, re.M | re.S):
        number = text[: match.start()].count("\n") + 1
        yield f"echo handbook.md:{number} $EPOCHREALTIME >&9\n{match[1]}"


def anchors(text):
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", text, re.M)}


def broken_links(text, rules):
    known = anchors(text)
    wanted = re.findall(r"\]\(#([^)]*)\)", text)
    wanted += [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
               for title in re.findall(r"runbook: 'handbook: (.*)'", rules)]
    return [f"no section #{name}" for name in wanted if name not in known]


def source():
    """All C of the server, with literals that go over several lines joined."""
    text = "".join(open(path, encoding="utf-8").read()
                   for path in glob.glob("[cmw]*/**/*.c", recursive=True))
    text = re.sub(r'"\s*PRI[a-z0-9]+\s*"', "%d", text)
    return re.sub(r'"\s*\n\s*"', "", text)


def unknown_lines(text):
    code = source()
    table = text[text.index("| line | level | means |"):]
    for row in table[: table.index("\n\n")].splitlines()[2:]:
        for line in re.findall(r"`([^`]*)`", row.split("|")[1]):
            if not all(is_in(code, piece.strip()) for piece in line.split("…")):
                yield f"not in the source: {line}"


def is_in(code, piece):
    """A piece between two arguments; or two, with an argument in between that
    the handbook spells out."""
    words = piece.split(" ")
    return piece in code or any(
        " ".join(words[:n]) in code and " ".join(words[n:]) in code
        for n in range(1, len(words)))


def main():
    what, page = sys.argv[1:3]
    text = open(page, encoding="utf-8").read()
    if what == "blocks":
        print("\n".join(blocks(text)))
        return
    rules = open("etc/deploy/prometheus/prong.rules.yml", encoding="utf-8").read()
    faults = broken_links(text, rules) if what == "links" else unknown_lines(text)
    faults = list(faults)
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


main()
