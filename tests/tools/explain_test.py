#!/usr/bin/env python3
"""`raceway explain`: graphs and what each rewrite changed."""

import json
import os
import re
import shutil
import unittest
from pathlib import Path

import cli
from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, USAGE

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

FLOW = """edition 1
flow f(t: { x: i64, unread: string }) -> { y: i64 } {
  let (a, b) = t |> split(x > 3)
  return union(a |> derive(y = x) |> limit(9), b |> derive(y = x + 1))
}
"""


def words_of(svg):
    """What a drawing says, wherever it stands: a release of Graphviz more moves it a little."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


class GraphTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.write("f.flow", FLOW)

    def test_dot(self):
        done = self.ends(FINE, "explain", "f.flow", "--graph=dot")
        self.assertTrue(done.stdout.startswith('digraph "f" {\n'), done.stdout)
        self.assertIn("if x &gt; 3", done.stdout)

    def test_mermaid(self):
        done = self.ends(FINE, "explain", "f.flow", "--graph=mermaid")
        self.assertTrue(done.stdout.startswith("flowchart LR\n"), done.stdout)

    def test_schemas_on_demand(self):
        plain = self.ends(FINE, "explain", "f.flow", "--graph=dot").stdout
        self.assertNotIn("y: i64", plain)
        self.assertIn("y: i64", self.ends(FINE, "explain", "f.flow", "--graph=dot", "--schemas").stdout)

    @unittest.skipUnless(shutil.which("dot"), "Graphviz is not installed")
    def test_svg(self):
        words = words_of(self.ends(FINE, "explain", "f.flow", "--graph=svg").stdout)
        for part in ("t", "split", "derive y", "else", "union", "result"):
            self.assertIn(part, [word.replace("\u00a0", " ").strip() for word in words], words)

    def test_svg_without_graphviz(self):
        done = self.call("explain", "f.flow", "--graph=svg", env={**os.environ, "PATH": "/nowhere"})
        self.assertEqual(MACHINE_LACKS, done.returncode, done.stderr)
        self.assertIn("--graph=dot", done.stderr)
        self.assertEqual("", done.stdout)

    def test_a_graphviz_that_fails(self):
        self.write("bin/dot", "#!/bin/sh\nexit 3\n")
        (self.dir / "bin/dot").chmod(0o755)
        done = self.call(
            "explain", "f.flow", "--graph=svg", env={**os.environ, "PATH": str(self.dir / "bin")}
        )
        self.assertEqual(MACHINE_LACKS, done.returncode, done.stderr)

    def test_of_what_has_no_graph(self):
        self.ends(USAGE, "explain", "f.flow", "--graph=dot", "--emit=syntax", says="--graph")
        self.ends(USAGE, "explain", "f.flow", "--graph=png", says="png")

    def test_json(self):
        done = self.ends(FINE, "explain", "f.flow", "--graph=mermaid", "--json")
        out = json.loads(done.stdout)
        self.assertEqual(("f", "mermaid"), (out["flow"], out["graph"]))

    @unittest.skipUnless(shutil.which("dot"), "Graphviz is not installed")
    def test_the_picture_in_the_readme_is_fresh(self):
        flow = EXAMPLES / "image_cascade.flow"
        drawn = self.ends(FINE, "explain", str(flow), "--graph=svg").stdout
        kept = (EXAMPLES / "image_cascade.svg").read_text()
        self.assertEqual(words_of(kept), words_of(drawn), "draw it anew: see examples/README.md")


class DiffTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.write("f.flow", FLOW)

    def test_each_rewrite_that_changed_something(self):
        done = self.ends(FINE, "explain", "f.flow", "--diff")
        sections = re.findall(r"(?m)^===== (.*)$", done.stdout)
        self.assertEqual(["exclusive-branches", "dead-columns"], sections[:2], done.stdout)
        self.assertIn("\n-  filter gt(x, 3)\n+  split gt(x, 3)\n", done.stdout)
        self.assertRegex(done.stdout.splitlines()[-1], "^changed nothing: constant-folding, ")

    def test_those_left_out_are_not_named(self):
        done = self.ends(FINE, "explain", "f.flow", "--diff", "--without", "constant-folding")
        self.assertNotIn("constant-folding", done.stdout)

    def test_json(self):
        out = json.loads(self.ends(FINE, "explain", "f.flow", "--diff", "--json").stdout)
        self.assertIn("===== exclusive-branches", out["diff"])

    def test_of_a_wrong_flow(self):
        self.write("g.flow", FLOW.replace("x > 3", "z > 3"))
        self.ends(FLOW_IS_WRONG, "explain", "g.flow", "--diff", says="no column `z`")

    def test_is_a_diff(self):
        """What the hunks say applies to the logical plan, and gives the next one."""
        plan = self.ends(FINE, "explain", "f.flow", "--emit=logical").stdout.splitlines()
        diff = self.ends(FINE, "explain", "f.flow", "--diff").stdout
        for section in re.split(r"(?m)^===== .*\n", diff)[1:]:
            plan = applied(plan, section)
        optimized = self.ends(FINE, "explain", "f.flow").stdout.splitlines()
        self.assertEqual(optimized, plan)


def applied(lines, diff):
    """`lines` after a unified diff, each of its lines compared."""
    out, at = [], 0
    for line in diff.splitlines():
        if line.startswith("changed nothing"):
            break
        if hunk := re.match(r"@@ -(\d+),(\d+) \+\d+,\d+ @@", line):
            start = int(hunk[1]) - (1 if int(hunk[2]) else 0)
            out += lines[at:start]
            at = start
        elif line[0] == "+":
            out.append(line[1:])
        else:
            assert lines[at] == line[1:], (lines[at], line)
            at += 1
            if line[0] == " ":
                out.append(line[1:])
    return out + lines[at:]


if __name__ == "__main__":
    cli.main()
