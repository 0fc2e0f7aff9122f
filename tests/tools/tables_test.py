#!/usr/bin/env python3
"""Flows of several tables and several results: `raceway run`, `test`, plans."""

import json

from cli import FINE, FLOW_IS_WRONG, REQUEST_FAILED, USAGE, CliTest, main

FLOW = """edition 1

schema Row { id: i64, x: f32 }
schema Item { id: i64, price: i64 }

flow two(t: Row) -> (high: Row, low: { id: i64 }) {
  let (a, b) = t |> split(x > 0.5)
  return low: b, high: a |> derive(x = x * 2.0)
}

flow again(t: Row) -> (all: Row, some: Row, many: { n: i64 }) {
  let some = t |> filter(x > 0.5)
  let many = some |> groupby(one = id > 0) |> agg(n = count())
  return all: t, some: some, many: many |> select(n)
}

flow same(t: Row) -> (a: Row, b: Row) {
  return a: t, b: t
}

flow buy(rows: Row, items: Item) -> { id: i64, x: f32, share: i64 } {
  let shares = items |> derive(share = 100 / price)
  return join(rows, shares, on: id) |> select(id, x, share)
}

flow ids(rows: Row, items: Item) -> (one: { id: i64 }, two: Item) {
  return one: union(items |> select(id), rows |> select(id)), two: items
}
"""

ROWS = '{"id": 1, "x": 0.25}\n{"id": 2, "x": 0.75}\n'
ITEMS = '{"id": 2, "price": 4}\n{"id": 1, "price": 5}\n{"id": 3, "price": 10}\n'

PASSES = [
    "shared-subflows",
    "exclusive-branches",
    "merge-branches",
    "filter-push-down",
    "dead-columns",
    "fuse-chains",
]


class TablesTest(CliTest):
    def setUp(self):
        super().setUp()
        self.write("t.flow", FLOW)
        self.write("rows.jsonl", ROWS)
        self.write("items.jsonl", ITEMS)

    def run_flow(self, code, flow, *words, says=(), stdin=None):
        return self.ends(code, "run", "t.flow", flow, *words, says=says, stdin=stdin)

    def test_several_results(self):
        done = self.run_flow(FINE, "two", "--rows", "rows.jsonl")
        self.assertEqual(done.stdout, "high:\nid    x\n 2  1.5\n\nlow:\nid\n 1\n")
        done = self.run_flow(FINE, "two", "--rows", "rows.jsonl", "--json")
        self.assertEqual(
            [json.loads(line) for line in done.stdout.splitlines()],
            [{"high": {"id": 2, "x": 1.5}}, {"low": {"id": 1}}],
        )
        each = self.run_flow(FINE, "two", "--rows", "rows.jsonl", "--json", "--per-row")
        self.assertEqual(each.stdout.splitlines(), done.stdout.splitlines()[::-1])

    def test_a_result_may_be_what_came_or_what_another_is_made_of(self):
        rows = [json.loads(line) for line in ROWS.splitlines()]
        expected = [{"all": row} for row in rows] + [{"some": rows[1]}, {"many": {"n": 1}}]
        plain = self.run_flow(FINE, "again", "--rows", "rows.jsonl", "--json")
        self.assertEqual([json.loads(line) for line in plain.stdout.splitlines()], expected)
        for left_out in PASSES:
            done = self.run_flow(
                FINE, "again", "--rows", "rows.jsonl", "--json", "--without", left_out
            )
            self.assertEqual(done.stdout, plain.stdout, left_out)
        done = self.run_flow(FINE, "same", "--rows", "rows.jsonl", "--json")
        self.assertEqual(
            [json.loads(line) for line in done.stdout.splitlines()],
            [{"a": row} for row in rows] + [{"b": row} for row in rows],
        )

    def test_two_tables(self):
        words = ["--in", "rows=rows.jsonl", "--in", "items=items.jsonl", "--json"]
        done = self.run_flow(FINE, "buy", *words)
        self.assertEqual(
            self.rows_of(done),
            [{"id": 1, "x": 0.25, "share": 20}, {"id": 2, "x": 0.75, "share": 25}],
        )
        done = self.run_flow(FINE, "ids", *words)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        # Those of the first table come first: the order of the request's rows.
        self.assertEqual([row["one"]["id"] for row in rows if "one" in row], [1, 2, 2, 1, 3])
        self.assertEqual([row["two"]["id"] for row in rows if "two" in row], [2, 1, 3])
        self.ends(FINE, "compile", "t.flow", "ids", "-o", "ids.plan")
        again = self.ends(FINE, "run", "ids.plan", *words)
        self.assertEqual(again.stdout, done.stdout)

    def test_whose_rows_they_are(self):
        both = ["--in", "rows=rows.jsonl", "--in", "items=items.jsonl"]
        self.run_flow(USAGE, "buy", *both[:2], says="no rows for the table `items`")
        self.run_flow(USAGE, "buy", *both, "--in", "rows=x", says="--in rows is there twice")
        self.run_flow(
            USAGE, "buy", "--in", "item=items.jsonl",
            says=["takes no such table", "did you mean `items`?", "it takes `rows` and `items`"],
        )
        self.run_flow(USAGE, "buy", "--in", "rows.jsonl", says="--in wants TABLE=FILE")
        self.run_flow(
            USAGE, "buy", "--rows", "rows.jsonl",
            says="takes `rows` and `items`: say which rows are whose, --in rows=FILE",
        )
        self.run_flow(USAGE, "buy", *both, "--rows", "rows.jsonl", says="not two of them")
        self.run_flow(USAGE, "buy", *both, "--per-row", says="--per-row goes with flows of one")
        self.run_flow(
            USAGE, "buy", "--in", "rows=-", "--in", "items=-", says="rows of one table only"
        )
        done = self.run_flow(
            FINE, "buy", "--in", "rows=-", "--in", "items=items.jsonl", "--json", stdin=ROWS
        )
        self.assertEqual(len(self.rows_of(done)), 2)
        self.run_flow(FINE, "same", "--in", "t=rows.jsonl")

    def test_a_row_of_the_second_table_fails(self):
        self.write("items.jsonl", ITEMS.replace("10", "0"))
        self.run_flow(
            REQUEST_FAILED, "buy", "--in", "rows=rows.jsonl", "--in", "items=items.jsonl",
            says="row 3: of `items`: ",
        )

    def test_in_tests(self):
        test = """
test "both" {
  given t = [{ id: 1, x: 0.25 }, { id: 2, x: 0.75 }]
  given items = [{ id: 2, price: 4 }]
  let (high, low) = two(t)
  expect high == [{ id: 2, x: 1.5 }]
  expect low == [{ id: 1 }] and latency(low) == latency(high)
  let out = buy(high, items)
  expect out == [{ id: 2, x: 1.5, share: 25 }]
  let piped = high |> buy(items)
  expect piped == out
  let (one, more) = ids(t, items)
  expect count(one) == 3 and more == items
}

test "an error is that of all results" {
  given t = [{ id: 1, x: 0.25 }]
  given items = [{ id: 2, price: 0 }]
  let out = t |> buy(items)
  expect error(out) is not null
}
"""
        self.write("t.flow", FLOW + test)
        self.ends(FINE, "test", "t.flow")

    def test_mistakes_in_tests(self):
        test = """
test "wrong" {
  given t = [{ id: 1, x: 0.25 }]
  let out = two(t)
  let (a, b) = buy(t)
  let (c, d, e) = same(t)
  let f = buy(t, t)
  expect 1 == 1
}
"""
        self.write("t.flow", FLOW + test)
        self.ends(
            FLOW_IS_WRONG, "check", "t.flow",
            says=[
                "`two` gives 2 tables, here is one name",
                "let (high, low) = …",
                "`buy` gives 1 table, here are 2 names",
                "`same` gives 2 tables, here are 3 names",
                "`buy` wants `price: i64`, `t` has no such column",
            ],
        )


if __name__ == "__main__":
    main()
