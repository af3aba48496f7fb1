"""Are the figures that a dashboard or a file of rules names really exported?

    figures_named.py METRICS FILE…

METRICS is what /metrics said. Each expression is taken apart: the names that
are read, and of each the labels that are matched or grouped by.
"""

import json
import re
import sys

WORDS = set("by without on ignoring group_left group_right and or unless bool"
            " offset sum min max avg count topk bottomk rate irate increase"
            " changes resets histogram_quantile label_values vector".split())
# Labels that come from the scrape, not from the server.
OF_SCRAPE = {"instance", "job", "app", "le"}


def exported(path):
    """Names, each with its labels; a histogram by its parts' names."""
    names = {}
    for line in open(path, encoding="utf-8"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            parts = ["_bucket", "_sum", "_count"] if kind == "histogram" else [""]
            for part in parts:
                names.setdefault(name + part, set())
        elif not line.startswith("#") and line.strip():
            name, labels = re.match(r"([a-z_0-9]+)(?:{(.*)})?", line).groups()
            names.setdefault(name, set()).update(
                re.findall(r'([a-z_]+)="', labels or ""))
    return names


def expressions(path):
    """Of any file: what stands under "expr" and in queries of variables."""
    text = open(path, encoding="utf-8").read()
    if path.endswith(".json"):
        found = []

        def walk(node):
            if isinstance(node, dict):
                for key, value in node.items():
                    if key in ("expr", "query") and isinstance(value, str):
                        found.append(value)
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)

        walk(json.loads(text))
        return [e for e in found if e != "prometheus"]
    folded = re.sub(r">-\n\s+", "", text)
    folded = re.sub(r"\n\s+(?=[/(])", " ", folded)
    return re.findall(r"^\s+expr: (.*)$", folded, re.M)


def names_in(expression, recorded):
    """Pairs of a name and the labels that go with it."""
    labels = set(re.findall(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"', expression))
    for group in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", expression):
        labels.update(word.strip() for word in group.split(","))
    bare = re.sub(r'"[^"]*"|\[[^]]*\]', "", expression)
    bare = re.sub(r"{[^}]*}", "", bare)
    bare = re.sub(r"\b(?:by|without)\s*\([^)]*\)", "", bare)
    for name in re.findall(r"(?<![\w$.])[a-z][a-z_0-9:]*", bare):
        if name not in WORDS | recorded | {"up", "instance"}:
            yield name, labels


def main():
    metrics, *files = sys.argv[1:]
    known = exported(metrics)
    count = 0
    missing = []
    for path in files:
        text = open(path, encoding="utf-8").read()
        recorded = set(re.findall(r"record: ([a-z_:0-9]+)", text))
        for expression in expressions(path):
            found = list(names_in(expression, recorded))
            count += len(found)
            all_labels = set()
            for name, labels in found:
                if name not in known:
                    missing.append(f"{path}: no {name} in: {expression}")
                all_labels |= known.get(name, set())
            wanted = {label.removeprefix("exported_")
                      for _, labels in found for label in labels} - OF_SCRAPE
            for label in wanted - all_labels:
                missing.append(f"{path}: no label {label} in: {expression}")
    print("\n".join(missing) or f"{count} names, each is exported")
    sys.exit(1 if missing or count == 0 else 0)


main()
