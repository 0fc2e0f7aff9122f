"""What the tests of examples share: the command line, the rows it prints, and how a test is started."""

import argparse
import json
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = sorted((ROOT / "examples/photos").glob("[!.]*"))
cli = ROOT / "build/release/bin/raceway"


def call(*words, folder=ROOT):
    """What the command line prints, which has to end well."""
    done = subprocess.run([str(cli), *words], cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(words)}: exit {done.returncode}\n{done.stderr}"
    return done.stdout


def run_flow(flow, *words, folder=ROOT):
    """The rows that a flow gives, in their order."""
    out = call("run", str(flow), *words, "--json", folder=folder)
    return [json.loads(line) for line in out.splitlines()]


def write_rows(path, rows):
    """JSON lines, as `--rows` takes them."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def main():
    """Runs the tests of the file that was started; words after `raceway` are for unittest."""
    global cli
    parser = argparse.ArgumentParser(
        description=sys.modules["__main__"].__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cli", nargs="?", type=Path, default=cli)
    arguments, rest = parser.parse_known_args()
    cli = arguments.cli.resolve()
    unittest.main(module="__main__", argv=sys.argv[:1] + rest)
