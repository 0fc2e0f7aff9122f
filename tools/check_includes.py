#!/usr/bin/env python3
"""Holds every #include against the table of who may include whom.

The link graph says the same, but a header-only dependency would not show there.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("dsl", "engine", "operators", "compiler", "examples", "tools", "tests")

# A layer: who it may include besides the standard library and itself, and why.
LAYERS = {
    "dsl": (set(), "dsl answers with diagnostics and needs no other type"),
    "engine API": ({"json", "tensors"}, "the engine API is what others build against"),
    "engine run time": (
        {"engine API", "engine/load", "json", "tensors", "tbb", "system"},
        "it runs on the API, and sees loads",
    ),
    "engine/schedule": ({"engine API"}, "a policy knows no tensors, threads or clocks"),
    "engine/load": ({"engine API", "json", "tensors", "system"}, "a load knows no plans"),
    "engine/exec": (
        {"engine API", "engine run time", "engine/load", "engine/schedule", "json", "tensors", "tbb", "system"},
        "exec runs plans with schedule, load and store",
    ),
    "engine front": (
        {"engine API", "engine run time", "engine/exec", "engine/load", "json", "tensors", "tbb", "system"},
        "engine.h is what a service embeds",
    ),
    "operators": (
        {"engine API", "engine/load", "engine/schedule", "json", "tensors", "system"},
        "an operator must not see nodes, plans or threads",
    ),
    "compiler": ({"dsl", "engine API", "json"}, "contracts reach the compiler through the catalog"),
}
OUTSIDE = ("examples", "tools", "tests")  # may include everything; nothing includes them

THIRD_PARTY = (  # first match wins
    ("tensors", re.compile(r"^(ATen|c10|torch|caffe2)/")),
    ("tbb", re.compile(r"^(tbb|oneapi/tbb|oneapi)/")),
    ("json", re.compile(r"^nlohmann/")),
    ("antlr", re.compile(r"^antlr4-|^support/|^Flow(Lexer|Parser)")),
)
STANDARD = re.compile(r"^[a-z_0-9]+$")
C_HEADER = re.compile(r"^(sys/|linux/|[a-z_0-9]+\.h$)")


def layer_of(path):
    """The layer of a file, from its path below the root."""
    parts = path.split("/")
    if parts[0] != "engine":
        return parts[0]
    if len(parts) == 2:
        return "engine front" if parts[1].startswith("engine.") else "engine API"
    if parts[1] in ("data", "plan"):
        return "engine API"
    return f"engine/{parts[1]}" if parts[1] in ("exec", "load", "schedule") else "engine run time"


def complaint(path, name, quoted, antlr_files):
    """Why `path` may not include `name`, or None."""
    mine = layer_of(path)
    first = name.split("/")[0]
    if first in FOLDERS and "/" in name:
        if mine in OUTSIDE:
            return None
        theirs = layer_of(name)
        if theirs == mine or theirs in LAYERS[mine][0]:
            return None
        return f"{mine} may not include {theirs}: {LAYERS[mine][1]}"
    for kind, pattern in THIRD_PARTY:
        if pattern.search(name):
            if kind == "antlr":
                if path.startswith("dsl/"):
                    antlr_files.add(path)
                    return None
                return "only dsl knows ANTLR"
            if mine in OUTSIDE or kind in LAYERS[mine][0]:
                return None
            return f"{mine} may not include {kind}: {LAYERS[mine][1]}"
    if quoted:
        return "includes of ours are written from the root, others in <>"
    if mine in OUTSIDE or STANDARD.search(name) or C_HEADER.search(name):
        return None
    if "system" in LAYERS[mine][0]:
        return None
    return f"{mine} may include the standard library and {sorted(LAYERS[mine][0]) or 'itself'} only"


def check(root):
    """All complaints as file:line: text, and how many files were read."""
    complaints, antlr_files, count = [], set(), 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".cu") or not path.is_file():
                continue
            count += 1
            relative = str(path.relative_to(root))
            text = path.read_text(encoding="utf-8", errors="replace")
            for number, line in enumerate(text.splitlines(), start=1):
                match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
                if match:
                    why = complaint(relative, match[2], match[1] == '"', antlr_files)
                    if why:
                        complaints.append(f"{relative}:{number}: {match[0].strip()}: {why}")
    if len(antlr_files) > 1:
        names = ", ".join(sorted(antlr_files))
        complaints.append(f"{names}: one file of dsl may include ANTLR, not {len(antlr_files)}")
    return complaints, count


def main():
    if sys.argv[1:] == ["--table"]:
        for name, (allowed, why) in LAYERS.items():
            print(f"{name:16} {', '.join(sorted(allowed)) or '-':58} {why}")
        print(f"{', '.join(OUTSIDE):16} everything; nothing includes them")
        return 0
    if sys.argv[1:]:
        print("usage: tools/check_includes.py [--table]", file=sys.stderr)
        return 2
    complaints, count = check(ROOT)
    for text in complaints:
        print(text, file=sys.stderr)
    if not complaints:
        print(f"includes: {count} files")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
