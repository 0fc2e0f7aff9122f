"""`raceway test` with stores and missing values: rows that a test gives, nulls in and out."""

import json

from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, CliTest, main

FLOW = """edition 1

schema Ask { user: string, recent: i64[R], usual: f32[4], note: string? }
schema Answer { user: string, ids: i64[_]?, segment: string, note: string? }

store users(user: string) -> (taste: f32[4], segment: string, age: i64?) { rows: "users.jsonl" }
store shelf(category: string) -> (items: f32[M, 4], ids: i64[M]) { rows: "shelf.jsonl" }

model pick(taste: f32[4], recent: i64[R]) -> (category: string) { source: "pick.pt" }
model score(taste: f32[4], items: f32[M, 4]) -> (s: f32[M]) { source: "score.pt" }

flow recommend(asks: Ask) -> Answer {
  let who = asks
    |> lookup(users, key: user, miss: null)
    |> derive(taste = taste ?? usual, segment = segment ?? "new")
  let ranked = who
    |> map(pick)
    |> lookup(shelf, key: category, miss: drop) with { place { device: cpu } }
    |> map(score)
    |> filter(max(s) > 0.1)
    |> select(ids)
  return who |> join(ranked, how: left) |> select(user, ids, segment, note)
}

flow aged(asks: { user: string }) -> { user: string, age: i64 } {
  return asks |> lookup(users, key: user) |> filter(age is not null) |> select(user, age)
}

flow guess(asks: { user: string, taste: f32[4] }) -> { user: string, category: string? } {
  return asks
    |> derive(recent = i64(taste))
    |> map(pick, on_error: null)
    |> select(user, category)
}
"""

VECTORS = """edition 1

/// Each `taste` with length 1.
flow l2_normalise(rows: { taste: f32[N], ... }) -> { ..., taste: f32[N] } {
  return rows |> derive(taste = taste / (sqrt(sum(taste * taste)) + 0.000001))
}
"""

RECOMMENDER = """edition 1

import { l2_normalise } from "lib/vectors.flow"

param k: i64 in 1..100 = 10

store users(user: string) -> (taste: f32[512], segment: string) { rocksdb: "data/users", cache: 256MiB }
store shelf(category: string) -> (items: f32[M, 512], ids: i64[M]) { rocksdb: "data/shelf" }

model pick(taste: f32[512], recent: i64[R]) -> (category: string) { source: "models/pick.pt" }
model score(taste: f32[512], items: f32[M, 512]) -> (s: f32[M]) { source: "models/score.pt" }

flow recommend(asks: { user: string, recent: i64[R] }) -> { user: string, ids: i64[k]?, segment: string } {
  let who = asks
    |> lookup(users, key: user, miss: null)
    |> derive(taste = taste ?? zeros(512), segment = segment ?? "new")
    |> l2_normalise
  let ranked = who
    |> map(pick)
    |> lookup(shelf, key: category, miss: drop) with { place { near: shelf } }
    |> map(score)
    |> derive(ids = take(ids, topk(s, k)))
  return who |> join(ranked, how: left) |> select(user, ids, segment)
}

test "who is known gets what is near" {
  stub users => [{ user: "eve", taste: one_hot(3, 512) * 2.0, segment: "a" }]
  stub shelf => [{ category: "red", items: zeros(12, 512), ids: [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12] }]
  stub pick => [{ category: "red" }, { category: "blue" }]
  stub score => { s: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] }
  given asks = [{ user: "eve", recent: [1] }, { user: "bob", recent: [2, 3] }]
  let out = recommend(asks)
  expect out == [
    { user: "eve", ids: [12, 11, 0, 1, 2, 3, 4, 5, 6, 7], segment: "a" },
    { user: "bob", ids: null, segment: "new" },
  ]
  expect args(pick)[0].taste[3] > 0.99 and args(pick)[0].taste[3] < 1.01
}
"""

USERS = """
  stub users => [
    { user: "eve", taste: zeros(4), segment: "a", age: 30 },
    { user: "bob", taste: one_hot(1, 4), segment: "b" },
  ]"""


class StoresTest(CliTest):
    def run_case(self, body, code=FINE):
        self.write("shop.flow", FLOW + '\ntest "it" {' + body + "\n}\n")
        done = self.call("test", "shop.flow", "--json")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)["files"][0]["tests"][0]["failures"]

    def test_program_4(self):
        """The recommender of the specification: its stores are stubs here."""
        self.write("lib/vectors.flow", VECTORS)
        self.write("recommender.flow", RECOMMENDER)
        checked = self.call("check", "recommender.flow")
        self.assertEqual(checked.returncode, FINE, checked.stderr)
        self.assertNotIn("error", checked.stderr)
        tested = self.call("test", "recommender.flow")
        self.assertEqual(tested.returncode, FINE, tested.stdout + tested.stderr)
        # Without a stub there is nothing to look into.
        self.write("recommender.flow", RECOMMENDER.replace("  stub users", "  // stub users"))
        tested = self.call("test", "recommender.flow")
        self.assertEqual(tested.returncode, MACHINE_LACKS, tested.stdout + tested.stderr)
        self.assertIn("store users: `data/users` is not there", tested.stdout)

    def test_the_recommender(self):
        self.run_case(USERS + """
  stub shelf => [{ category: "red", items: zeros(2, 4), ids: [7, 9] }]
  stub pick => [{ category: "red" }, { category: "blue" }, { category: "red" }]
  stub score => { s: [0.5, 0.25] }
  given asks = [
    { user: "eve", recent: [1], usual: zeros(4), note: "hi" },
    { user: "bob", recent: [1, 2], usual: zeros(4), note: null },
    { user: "ann", recent: [], usual: one_hot(3, 4) },
  ]
  let out = recommend(asks)
  expect out == [
    { user: "eve", ids: [7, 9], segment: "a", note: "hi" },
    { user: "bob", ids: null, segment: "b", note: null },
    { user: "ann", ids: [7, 9], segment: "new", note: null },
  ]
  expect args(pick)[2].taste == one_hot(3, 4) and args(pick)[1].taste == one_hot(1, 4)
  expect calls(score) == 2 and out[1].ids is null and (out[2].note ?? "none") == "none\"""")

    def test_a_key_that_the_rows_lack_is_an_error(self):
        failures = self.run_case(USERS + """
  given asks = [{ user: "ann" }]
  let out = aged(asks)
  expect count(out) == 0""", FLOW_IS_WRONG)
        self.assertIn('store users has no row for the key "ann"', failures[0]["message"])

    def test_a_value_that_is_missing_in_a_row_of_the_store(self):
        self.run_case(USERS + """
  given asks = [{ user: "bob" }, { user: "eve" }]
  let out = aged(asks)
  expect out == [{ user: "eve", age: 30 }]""")

    def test_one_row_for_every_key(self):
        self.run_case("""
  stub users => { taste: zeros(4), segment: "x", age: 5 }
  given asks = [{ user: "a" }, { user: "b" }]
  let out = aged(asks)
  expect out == [{ user: "a", age: 5 }, { user: "b", age: 5 }]""")

    def test_rows_of_a_file(self):
        self.write("others.jsonl", '{"user": "zoe", "taste": [0, 0, 0, 1], "segment": "z", "age": 8}\n')
        self.run_case("""
  stub users => rows("others.jsonl")
  given asks = [{ user: "zoe" }]
  let out = aged(asks)
  expect out == [{ user: "zoe", age: 8 }]""")

    def test_without_a_stub_the_rows_are_those_of_the_flow(self):
        self.write("users.jsonl", '{"user": "max", "taste": [0, 0, 0, 1], "segment": "m", "age": 9}\n')
        self.run_case("""
  given asks = [{ user: "max" }]
  let out = aged(asks)
  expect out[0].age == 9""")

    def test_a_model_that_fails_gives_nulls(self):
        self.run_case("""
  stub pick => [{ category: "red" }, fails("no"), { category: "blue" }]
  given asks = [
    { user: "a", taste: zeros(4) },
    { user: "b", taste: zeros(4) },
    { user: "c", taste: zeros(4) },
  ]
  let out = guess(asks)
  expect out == [
    { user: "a", category: "red" },
    { user: "b", category: null },
    { user: "c", category: "blue" },
  ]""")

    def test_a_difference_shows_null(self):
        failures = self.run_case("""
  stub pick => fails("no")
  given asks = [{ user: "a", taste: zeros(4) }]
  let out = guess(asks)
  expect out == [{ user: "a", category: "red" }]""", FLOW_IS_WRONG)
        self.assertIn("null", json.dumps(failures[0]["differences"]))

    def test_rows_that_do_not_fit_the_store(self):
        self.write("shop.flow", FLOW + """
test "it" {
  stub users => [{ user: "a", taste: zeros(3), age: "x" }]
  stub shelf => { ids: [1] }
  given asks = [{ user: "a" }]
  let out = aged(asks)
  expect count(out) == 1
}
""")
        done = self.call("test", "shop.flow")
        self.assertEqual(done.returncode, FLOW_IS_WRONG, done.stdout)
        for part in ("`taste` is of shape", "`segment: string` is missing", "`items: f32[M, 4]` is missing"):
            self.assertIn(part, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
