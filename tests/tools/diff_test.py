#!/usr/bin/env python3
"""`raceway diff`: same, compatible, breaking."""

import json

import cli
from cli import FINE, FLOW_IS_WRONG, USAGE, CliTest

OLD = """edition 1

param least: i64 in 0..10 = 3

flow f(t: { id: i64, x: i64 }) -> { id: i64, y: i64 } {
  return t |> filter(x > least) |> derive(y = x) |> select(id, y)
}

flow g(t: { id: i64 }) -> { id: i64 } {
  return t
}
"""
MORE = OLD.replace("y: i64 }", "y: i64, z: i64 }").replace("select(id, y)", "select(id, y, z = x)")
LESS = OLD.replace("y: i64 }", "}").replace("select(id, y)", "select(id)")


class DiffTest(CliTest):
    def setUp(self):
        super().setUp()
        self.write("old.flow", OLD)
        self.write("more.flow", MORE)
        self.write("less.flow", LESS)

    def breaks(self, *words):
        done = self.call("diff", *words)
        self.assertEqual(FLOW_IS_WRONG, done.returncode, done.stdout + done.stderr)
        self.assertEqual("", done.stderr)
        return done.stdout

    def test_same(self):
        done = self.ends(FINE, "diff", "old.flow", "old.flow")
        self.assertEqual("flow f: same\nflow g: same\n", done.stdout)

    def test_compatible(self):
        done = self.ends(FINE, "diff", "old.flow", "more.flow")
        self.assertEqual(
            "flow f: compatible\n"
            "  compatible  result: `z: i64` is new (old.flow:5:35, more.flow:5:54)\n"
            "flow g: same\n",
            done.stdout,
        )

    def test_breaking(self):
        self.assertEqual(
            "flow f: breaking\n"
            "  breaking    result: `y: i64` is gone (old.flow:5:46, less.flow:5:35)\n"
            "flow g: same\n",
            self.breaks("old.flow", "less.flow"),
        )

    def test_one_flow(self):
        done = self.ends(FINE, "diff", "old.flow", "less.flow", "g")
        self.assertEqual("flow g: same\n", done.stdout)
        self.ends(USAGE, "diff", "old.flow", "less.flow", "h", says="`h`")

    def test_parameters(self):
        self.write("new.flow", OLD.replace("0..10", "0..5"))
        self.assertIn(
            "parameters: breaking\n  breaking    parameter `least` allows less than it did",
            self.breaks("old.flow", "new.flow"),
        )

    def test_json(self):
        out = json.loads(self.breaks("old.flow", "less.flow", "--json"))
        self.assertEqual(("old.flow", "less.flow"), (out["old"], out["new"]))
        self.assertEqual("breaking", out["verdict"])
        flow = out["flows"][0]
        self.assertEqual(("f", "breaking"), (flow["flow"], flow["verdict"]))
        self.assertEqual(
            {"file": "old.flow", "line": 5, "column": 46}, flow["changes"][0]["old"]
        )
        self.assertEqual({"verdict": "same", "changes": []}, out["params"])

    def test_plans(self):
        for name in ("old", "more", "less"):
            self.ends(FINE, "compile", f"{name}.flow", "f")
        self.assertEqual("flow f: same\n", self.ends(FINE, "diff", "old.plan", "old.plan").stdout)
        self.ends(FINE, "diff", "old.plan", "more.plan")
        self.assertIn("`y: i64` is gone", self.breaks("old.plan", "less.plan"))
        self.ends(FINE, "diff", "old.plan", "more.flow", "f")
        self.breaks("old.flow", "less.plan", "f")

    def test_mistakes_in_tests_do_not_matter(self):
        self.write("tested.flow", MORE + '\ntest "old rows" {\n  given t = [{ id: 1 }]\n  let out = f(t)\n}\n')
        done = self.ends(FINE, "diff", "old.flow", "tested.flow")
        self.assertIn("flow f: compatible", done.stdout)

    def test_a_wrong_flow(self):
        self.write("new.flow", OLD.replace("x > least", "z > least"))
        self.ends(FLOW_IS_WRONG, "diff", "old.flow", "new.flow", says="no column `z`")

    def test_a_bad_plan(self):
        self.write("new.plan", "{}")
        self.ends(FLOW_IS_WRONG, "diff", "new.plan", "old.flow", says="new.plan")

    def test_a_missing_file(self):
        self.ends(USAGE, "diff", "old.flow", "new.flow", says="new.flow")


if __name__ == "__main__":
    cli.main()
