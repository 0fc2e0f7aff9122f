#!/usr/bin/env python3
"""Runs clang-tidy over what a build compiled, a file at a time, remembered by content.

What is remembered: the hash of .clang-tidy, of the file, its flags and every header of ours that
it includes. Without --full, files that include ATen or ANTLR are left out (10 to 60 s each).
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEMORY = ROOT / "build/tidy"
OURS = ("dsl/", "engine/", "operators/", "compiler/", "tools/", "tests/")


def built_headers(build):
    """Object file → what it was compiled from, as Ninja recorded it."""
    listing = subprocess.run(
        ["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True
    ).stdout
    headers, current = {}, None
    for line in listing.splitlines():
        if line.startswith("    "):
            headers[current].append(line.strip())
        elif ": #deps" in line:
            current = line.split(": #deps")[0]
            headers[current] = []
    return headers


class Unit:
    """One source file with its flags and headers."""

    def __init__(self, build, command, headers):
        self.path = Path(command["file"])
        self.name = str(self.path.relative_to(ROOT))
        words = shlex.split(command["command"])
        self.object = words[words.index("-o") + 1]
        self.flags = [word for word in words[1:] if word not in ONLY_GNU]
        paths = [Path(os.path.normpath(build / p)) for p in headers.get(self.object, [])]
        self.is_known = bool(paths)
        self.is_heavy = any("/include/ATen/" in str(p) or "antlr4-runtime" in str(p) for p in paths)
        self.includes_antlr = any("antlr4-runtime" in str(p) for p in paths)
        ours = [p for p in paths if ROOT in p.parents and p.is_file()]
        self.sources = sorted({self.path, *ours})

    def key(self, salt):
        digest = hashlib.sha256(salt)
        digest.update("\0".join(self.flags).encode())
        for path in self.sources:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:24]


ONLY_GNU = {"-fno-gnu-unique"}  # clang does without
# The path-sensitive analyzer triples the time, so only --full has it. It does not know what a
# std::variant holds, so that every access to a Result could be of the other kind: no UndefReturn.
ANALYZER = (
    "--checks=clang-analyzer-core.*,clang-analyzer-cplusplus.*"
    ",-clang-analyzer-core.uninitialized.UndefReturn"
)


def tidy(unit, options):
    """What clang-tidy has to say, '' if nothing."""
    done = subprocess.run(
        ["clang-tidy", "-p", str(MEMORY), "--quiet", *options, str(unit.path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if done.returncode == 0:
        return ""
    text = re.sub(re.escape(str(ROOT)) + "/", "", done.stdout)
    return text.strip() or done.stderr.strip() or f"clang-tidy failed with {done.returncode}"


def find_units(build):
    headers = built_headers(build)
    commands = json.loads((build / "compile_commands.json").read_text())
    units = {}
    for command in commands:
        path = Path(command["file"])
        if ROOT in path.parents and str(path.relative_to(ROOT)).startswith(OURS):
            unit = Unit(build, command, headers)
            units.setdefault(unit.name, unit)
    return list(units.values())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="every file, no budget")
    parser.add_argument("--budget", type=float, default=90, help="begin no file after SECONDS")
    parser.add_argument("--build", type=Path, help="a build folder (default build/release or dev)")
    arguments = parser.parse_args()

    builds = [ROOT / "build" / name for name in ("release", "dev")]
    if arguments.build:
        builds = [arguments.build.resolve()]
    build = next((b for b in builds if (b / "compile_commands.json").exists()), None)
    if build is None:
        print("tidy: nothing is built; cmake --workflow --preset release", file=sys.stderr)
        return 1
    units = [u for u in find_units(build) if u.is_known and not u.includes_antlr]
    if not arguments.full:
        units = [u for u in units if not u.is_heavy]

    MEMORY.mkdir(parents=True, exist_ok=True)
    # g++'s own warning flags mean nothing to clang.
    flags = json.dumps(
        [
            {
                "directory": str(build),
                "file": str(u.path),
                "arguments": ["c++", *u.flags, "-Wno-unknown-warning-option", "-Wno-error"],
            }
            for u in units
        ]
    )
    (MEMORY / "compile_commands.json").write_text(flags)
    options = [ANALYZER] if arguments.full else []
    configs = [ROOT / f / ".clang-tidy" for f in (".", "tests", "tools/bench")]
    salt = b"".join(c.read_bytes() for c in configs) + "".join(options).encode()
    todo = [(u, MEMORY / f"{u.key(salt)}.ok") for u in units]
    todo = [(u, mark) for u, mark in todo if not mark.exists()]

    began, late, bad = time.monotonic(), [], 0

    def work(item):
        unit, mark = item
        if not arguments.full and time.monotonic() - began > arguments.budget:
            late.append(unit.name)
            return ""
        text = tidy(unit, options)
        if not text:
            mark.touch()
        return text

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (unit, _), text in zip(todo, pool.map(work, todo)):
            if text:
                bad += 1
                print(text, file=sys.stderr)
    print(f"tidy: {len(units)} files, {len(todo) - len(late)} of them looked at anew, {bad} bad")
    if late:
        print(f"tidy: {len(late)} left for the next run, the budget is spent")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
