#!/usr/bin/env python3
"""examples/image_cascade.flow answers as the same networks do in plain Python.

    .venv/bin/python tests/examples/image_cascade_test.py build/release/bin/raceway

Same labels, same deciding network, confidences to 1e-4; and the four labels one would give the
photographs oneself.
"""

import re
import unittest

import image_cascade_reference as reference
import running
from running import PHOTOS, ROOT

FLOW = ROOT / "examples/image_cascade.flow"
KNOWN = {
    "chelsea.png": "Egyptian cat",
    "coffee.png": "espresso",
    "motorcycle.png": "moped",
    "rocket.jpg": "missile",
}


def flow_threshold():
    """The default of the flow's parameter, so that the two cannot drift apart."""
    match = re.search(r"^\s*param\s+threshold\b[^=]*=\s*([0-9.]+)", FLOW.read_text(), re.MULTILINE)
    assert match, f"no `param threshold: … = …` in {FLOW}"
    return float(match.group(1))


def run_flow():
    """The rows that the CLI prints, by id."""
    rows = running.run_flow(FLOW, "--each", "image=examples/photos/*")
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


if __name__ == "__main__":
    running.main()
