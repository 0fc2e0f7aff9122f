#!/usr/bin/env python3
"""Every bench that is listed is there, and answers in the common form.

    tests/tools/bench_test.py build/release
"""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

RUN = Path(__file__).resolve().parents[2] / "tools" / "bench" / "run"
MEMBERS = {"value", "unit", "baseline", "ratio", "spread", "goal", "ok"}
BUILD = ""


def run(*arguments):
    environment = dict(os.environ, RACEWAY_BUILD=BUILD)
    return subprocess.run([RUN, *arguments], env=environment, capture_output=True, text=True)


class BenchTest(unittest.TestCase):
    def test_what_is_listed_is_built(self):
        names = [line.split()[0] for line in run("--list").stdout.splitlines()]
        self.assertIn("hop", names)
        for name in names:
            answer = run(name, "--help")
            self.assertEqual(answer.returncode, 0, f"{name}: {answer.stderr}")

    def test_the_answer_for_machines(self):
        answer = run("hop", "--quick", "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        bench = json.loads(answer.stdout)
        self.assertEqual(bench["bench"], "hop")
        for name, metric in bench["metrics"].items():
            self.assertEqual(set(metric), MEMBERS, name)
        hop = bench["metrics"]["hop_8B"]
        self.assertEqual(hop["goal"], "ratio <= 1.5")
        self.assertAlmostEqual(hop["ratio"], hop["value"] / hop["baseline"], places=2)

    def test_what_is_unknown_is_refused(self):
        for arguments in (["nothere"], ["hop", "--fast"], []):
            self.assertEqual(run(*arguments).returncode, 2, arguments)


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
