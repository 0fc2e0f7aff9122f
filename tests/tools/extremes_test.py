#!/usr/bin/env python3
"""Tables at the edge, through a whole flow: none, a million rows, and values that compare with nothing."""

import json
import time

import cli
from cli import FINE, REQUEST_FAILED, CliTest

FLOW = """edition 1

model double(x: f32[2]) -> (y: f32[2]) { source: "double.pt" }

flow busy(rows: { id: i64, x: f32[2] }) -> { id: i64, big: f32 } {
  let (low, high) = rows |> map(double) |> split(max(y) < 1000.0)
  return union(low |> derive(big = max(y)), high |> derive(big = min(y)))
    |> filter(mod(id, 2) == 0)
    |> select(id, big)
}
"""

RATIO = """edition 1

flow ratio(rows: { id: i64, v: f32 }) -> { id: i64, n: f32 } {
  return rows |> derive(n = v / v) |> filter(CONDITION) |> select(id, n)
}
"""


class ExtremesTest(CliTest):
    def run_flow(self, rows):
        self.write("busy.flow", FLOW)
        self.write("rows.jsonl", rows)
        return self.ends(FINE, "run", "busy.flow", "--rows", "rows.jsonl", "--json")

    def test_no_rows(self):
        self.assertEqual(self.run_flow("").stdout, "")

    def test_a_million_rows(self):
        rows = "".join(f'{{"id":{i},"x":[{i % 1000},0]}}\n' for i in range(1_000_000))
        began = time.monotonic()
        done = self.run_flow(rows)
        self.assertLess(time.monotonic() - began, 300)  # some 10 s on a quiet machine
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 500_000)
        answers = {row["id"]: row["big"] for row in map(json.loads, lines[::5000])}
        for id, big in answers.items():
            top = 2 * (id % 1000) + 1
            self.assertEqual(big, top if top < 1000 else 1, id)

    def run_ratio(self, condition):
        self.write("ratio.flow", RATIO.replace("CONDITION", condition))
        rows = '{"id": 1, "v": 0}\n{"id": 2, "v": 3}\n'
        return self.call("run", "ratio.flow", "--rows", "-", "--json", stdin=rows)

    def test_nan_in_comparisons(self):
        for condition, ids in [
            ("n == n", [2]),
            ("n != n", [1]),
            ("n == n and n > 0.5", [2]),
            ("n != n or n < 0.5", [1]),
            ("(if n == n then n else 0.0) < 0.5", [1]),
        ]:
            done = self.run_ratio(condition)
            self.assertEqual([row["id"] for row in self.rows_of(done)], ids, condition + done.stderr)
        for condition in ["n > 0.5", "n <= 0.5", "not (n < 5.0)", "n in 0.0..1.0"]:
            done = self.run_ratio(condition)
            self.assertEqual(done.returncode, REQUEST_FAILED, condition)
            self.assertIn("ratio.flow:4:", done.stderr)
            self.assertIn("row 1: `n` is NaN, which is neither below nor above", done.stderr)


if __name__ == "__main__":
    cli.main()
