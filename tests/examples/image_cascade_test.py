#!/usr/bin/env python3
"""examples/image_cascade.flow answers as the same networks do in plain Python.

    .venv/bin/python tests/examples/image_cascade_test.py build/release/bin/raceway

Same labels, same deciding network, confidences to 1e-4; and the four labels one would give the
photographs oneself.
"""

import argparse
import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

import image_cascade_reference as reference

ROOT = reference.ROOT
FLOW = ROOT / "examples/image_cascade.flow"
PHOTOS = sorted((ROOT / "examples/photos").glob("[!.]*"))
KNOWN = {
    "chelsea.png": "Egyptian cat",
    "coffee.png": "espresso",
    "motorcycle.png": "moped",
    "rocket.jpg": "missile",
}
cli = ROOT / "build/release/bin/raceway"


def flow_threshold():
    """The default of the flow's parameter, so that the two cannot drift apart."""
    match = re.search(r"^\s*param\s+threshold\b[^=]*=\s*([0-9.]+)", FLOW.read_text(), re.MULTILINE)
    assert match, f"no `param threshold: … = …` in {FLOW}"
    return float(match.group(1))


def run_flow():
    """The rows that the CLI prints, by id."""
    command = [str(cli), "run", str(FLOW.relative_to(ROOT))]
    command += ["--each", "image=examples/photos/*", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}"
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    return {row["id"]: row for row in rows}


class ImageCascadeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.threshold = flow_threshold()
        cls.expected = list(reference.run_cascade(PHOTOS, cls.threshold))
        cls.got = run_flow()

    def test_there_are_five_photographs(self):
        self.assertEqual(len(PHOTOS), 5, "run tools/models/export.py")

    def test_every_photograph_is_answered_once(self):
        self.assertEqual(sorted(self.got), [row["id"] for row in self.expected])

    def test_answers_as_python_does(self):
        for path, expected in zip(PHOTOS, self.expected):
            with self.subTest(photo=path.name):
                got = self.got[expected["id"]]
                self.assertEqual((got["label"], got["by"]), (expected["label"], expected["by"]))
                self.assertAlmostEqual(got["conf"], expected["conf"], delta=1e-4)

    def test_names_what_one_sees(self):
        for number, path in enumerate(PHOTOS, start=1):
            if path.name in KNOWN:
                with self.subTest(photo=path.name):
                    self.assertEqual(self.got[number]["label"], KNOWN[path.name])

    def test_some_photographs_are_sure_and_some_are_not(self):
        self.assertEqual({row["by"] for row in self.got.values()}, {"small", "big"})


def main():
    global cli
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cli", nargs="?", type=Path, default=cli)
    cli = parser.parse_args().cli.resolve()
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
