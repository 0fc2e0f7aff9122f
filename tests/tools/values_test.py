#!/usr/bin/env python3
"""Values from text to rows: times, literals of every size, sizes that are computed."""

import cli
from cli import FINE, REQUEST_FAILED, USAGE, CliTest

TIMES = """edition 1

param wait: duration in 1ms..1h = 4ms

schema Job { id: i64, begun: timestamp, done: timestamp, pause: duration? }

flow late(jobs: Job) -> { id: i64, took: duration, late: bool, next: timestamp, share: f64 } {
  return jobs
    |> derive(took = done - begun, late = done - begun > wait)
    |> derive(next = done + 2 * wait, share = took / 1s)
    |> sort(descending: took)
}

flow grouped(jobs: Job) -> { begun: timestamp, n: i64, pause: duration, last: timestamp } {
  return jobs
    |> derive(pause = pause ?? 0s)
    |> groupby(begun)
    |> agg(n = count(), pause = sum(pause), last = max(done))
    |> sort(begun)
}

test "a job that takes longer than `wait` is late" {
  given jobs = [
    { id: 1, begun: "2026-11-28T10:00:00Z", done: "2026-11-28T11:00:00.005+01:00" },
    { id: 2, begun: "2026-11-28T10:00:00Z", done: "2026-11-28T10:00:01Z", pause: 3ms },
  ]
  let out = late(jobs)
  expect out[0].id == 2 and out[0].took == 1s and out[1].late
  expect out[1].took == 5ms and out[1].took > wait and out[1].took / 1ms == 5.0
  expect out[0].next == "2026-11-28T11:00:01.008+01:00" and out[0].next > "2026-11-28T10:00:01Z"
  let groups = grouped(jobs)
  expect groups == [{ begun: "2026-11-28T10:00:00Z", n: 2, pause: 3ms, last: "2026-11-28T10:00:01Z" }]
}
"""

JOBS = """{"id": 1, "begun": "2026-11-28T10:00:00Z", "done": "2026-11-28T10:00:00.0025Z", "pause": null}
{"id": 2, "begun": "2026-11-28T10:00:00Z", "done": "2026-11-28T12:00:00.01+02:00", "pause": "-1.5s"}
"""


class TimesTest(CliTest):
    def jobs(self, *words, code=FINE, rows=JOBS, says=()):
        self.write("times.flow", TIMES)
        return self.ends(code, "run", "times.flow", *words, "--rows", "-", "--json", stdin=rows, says=says)

    def test_they_are_computed_with(self):
        self.assertEqual(
            self.rows_of(self.jobs("late")),
            [
                {"id": 2, "took": "10ms", "late": True, "next": "2026-11-28T10:00:00.018Z", "share": 0.01},
                {"id": 1, "took": "2500us", "late": False, "next": "2026-11-28T10:00:00.0105Z", "share": 0.0025},
            ],
        )

    def test_they_are_keys_and_have_sums(self):
        self.assertEqual(
            self.rows_of(self.jobs("grouped")),
            [{"begun": "2026-11-28T10:00:00Z", "n": 2, "pause": "-1500ms", "last": "2026-11-28T10:00:00.01Z"}],
        )

    def test_parameters(self):
        late = [row["late"] for row in self.rows_of(self.jobs("late", "--set", "wait=2ms"))]
        self.assertEqual(late, [True, True])
        self.write("wait.toml", 'wait = "2.4ms"\n')
        late = [row["late"] for row in self.rows_of(self.jobs("late", "--params", "wait.toml"))]
        self.assertEqual(late, [True, True])
        self.jobs("late", "--set", "wait=2h", code=USAGE, says=["1ms..1h", "2h"])
        self.jobs("late", "--set", "wait=2", code=USAGE, says="a duration with its unit")

    def test_rows_that_are_none(self):
        self.jobs(
            "late",
            code=REQUEST_FAILED,
            rows=JOBS.replace('"2026-11-28T10:00:00.0025Z"', "5"),
            says='`done` wants a timestamp such as "2026-11-28T21:17:50Z", found 5',
        )
        self.jobs(
            "late",
            code=REQUEST_FAILED,
            rows=JOBS.replace('"-1.5s"', '"soon"'),
            says='`pause` wants a duration such as "900ms", found "soon"',
        )

    def test_what_is_too_long_is_an_error_of_its_row(self):
        rows = JOBS.replace("2026-11-28T10:00:00Z", "1700-01-01T00:00:00Z")
        rows = rows.replace("2026-11-28T10:00:00.0025Z", "2200-01-01T00:00:00Z")
        self.jobs("late", code=REQUEST_FAILED, rows=rows, says="row 1: the result is too long for a time")

    def test_tests_compute_as_flows_do(self):
        for expected, says in [
            ("o[0].took / 2 == 2ns and o[0].took * 1.5 == 8ns and o[0].took / -2 == -3ns", "2 tests: 2 passed"),
            ("o[0].took / 2 == 0.002us", "2 tests: 2 passed"),
            ('"nonsense" < o[0].next', "this is not a timestamp"),
            ('o[0].next in ["2026-11-28T10:00:00Z", "nonsense"]', "this is not a timestamp"),
            ("o[0].took * 9223372036854775807 == 1s", "does not fit 64 bits"),
            ("o[0].next + 9223372036854775807ns == o[0].next", "does not fit 64 bits"),
            ("o[0].took / 1e-30 == 1s", "is no time"),
        ]:
            with self.subTest(expected):
                test = f"""
test "it" {{
  given jobs = [{{ id: 1, begun: "2026-11-28T10:00:00Z", done: "2026-11-28T10:00:00.000000005Z" }}]
  let o = late(jobs)
  expect {expected}
}}
"""
                self.write("times.flow", TIMES + test)
                done = self.call("test", "times.flow")
                self.assertIn(says, done.stdout + done.stderr)

    def test_a_plan_keeps_them(self):
        self.write("times.flow", TIMES)
        self.ends(FINE, "compile", "times.flow", "late", "--output", "late.plan")
        done = self.ends(FINE, "run", "late.plan", "--rows", "-", "--json", stdin=JOBS)
        self.assertEqual(self.rows_of(done), self.rows_of(self.jobs("late")))

    def test_in_tests(self):
        self.write("times.flow", TIMES)
        self.ends(FINE, "test", "times.flow")

    def test_they_share_sizes_with_other_columns(self):
        self.write(
            "s.flow",
            "edition 1\nflow f(t: { id: i64, a: string[N], b: f32[N], c: string[2*N] }) -> "
            "{ a: string, b: f32 } { return t |> explode(a, b) |> select(a, b) }\n",
        )
        run = ["run", "s.flow", "--rows", "-", "--json"]
        row = '{"id": 1, "a": ["x", "y"], "b": [1, %s], "c": ["1", "2", "3", %s]}\n'
        done = self.ends(FINE, *run, stdin=row % ("2", '"4"'))
        self.assertEqual(self.rows_of(done), [{"a": "x", "b": 1}, {"a": "y", "b": 2}])
        self.ends(REQUEST_FAILED, *run, stdin=row % ("2, 3", '"4"'), says="`N` is 2 in `a` but 3 in `b`")
        self.ends(REQUEST_FAILED, *run, stdin=row % ("2", '"4", "5"'), says=["`c`", "5"])

    def test_for_people(self):
        self.write("times.flow", TIMES)
        done = self.ends(FINE, "run", "times.flow", "late", "--rows", "-", stdin=JOBS)
        self.assertIn("2500us", done.stdout)
        done = self.ends(FINE, "explain", "times.flow", "late")
        self.assertIn("4ms", done.stdout)


class LiteralTest(CliTest):
    def computed(self, definition, type_, *words):
        self.write(
            "literal.flow",
            f"edition 1\nparam k: i64 = 2\nflow f(t: {{ i: i64, v: f32[4] }}) -> {{ y: {type_} }} "
            f"{{ return t |> derive(y = {definition}) }}\n",
        )
        rows = '{"i": 1, "v": [1, 2, 3, 4]}'
        answers = [
            self.rows_of(
                self.ends(FINE, "run", "literal.flow", "--rows", "-", "--json", *more, stdin=rows)
            )[0]["y"]
            for more in [words, [*words, "--without", "constant-folding"]]
        ]
        self.assertEqual(answers[0], answers[1])
        return answers[0]

    def test_the_ends_of_the_integers(self):
        self.assertEqual(self.computed("-9223372036854775808", "i64"), -(2**63))
        self.assertEqual(self.computed("i + -9223372036854775808", "i64"), -(2**63) + 1)
        self.assertEqual(self.computed("u64(18446744073709551615)", "u64"), 2**64 - 1)
        self.assertEqual(self.computed("u64(i) + 0x8000_0000_0000_0000", "u64"), 2**63 + 1)
        self.assertEqual(self.computed("f64(18446744073709551615)", "f64"), 2.0**64)

    def test_a_conversion_gives_its_literal_the_type(self):
        self.assertEqual(self.computed("f64(0.1)", "f64"), 0.1)
        self.assertEqual(self.computed("f32(0.1)", "f32"), 0.1)
        self.assertEqual(self.computed("i64(2251799813685249.5)", "i64"), 2251799813685249)
        self.assertEqual(self.computed("u8(255)", "u8"), 255)
        self.assertEqual(self.computed("bool(3)", "bool"), True)

    def test_sizes_may_be_computed(self):
        self.assertEqual(self.computed("zeros(2 * k)", "f32[2 * k]"), [0] * 4)
        self.assertEqual(self.computed("one_hot(i, k + 1)", "f32[k + 1]"), [0, 1, 0])
        self.assertEqual(self.computed("zeros(2 * k)", "f32[2 * k]", "--set", "k=3"), [0] * 6)
        self.assertEqual(self.computed("take(v, topk(v, k + 1))", "f32[k + 1]"), [4, 3, 2])
        self.assertEqual(self.computed("slice(v, k - 1, 2 * k)", "f32[k + 1]"), [2, 3, 4])


DEFAULTS = """edition 1

param top: i64 = 5

schema Ask {
  id: i64,
  k: i64 = top,
  scale: f32 = 1.5,
  name: string = "nobody",
  wait: duration = 4ms,
  since: timestamp = "2026-11-28T00:00:00Z",
  seed: u64 = 18446744073709551615,
  note: string? = null,
}

flow f(asks: Ask) -> Ask { return asks }

test "what a row lacks" {
  given asks = [{ id: 1 }, { id: 2, k: 7, note: "x" }]
  let out = f(asks)
  expect out[0].k == 5 and out[0].wait == 4ms and out[0].name == "nobody" and out[0].note is null
  expect out[1].k == 7 and out[1].note == "x" and out[1].since == "2026-11-28T00:00:00Z"
}

test "integers that no i64 holds" {
  given asks = [{ id: 1 }, { id: 2, seed: 18446744073709551614 }, { id: 3, seed: 7 }]
  let out = f(asks)
  expect out[0].seed == 18446744073709551615 and out[2].seed == 7
  expect out[1].seed == out[0].seed - 1 and out[1].seed < out[0].seed and out[1].seed > out[2].seed
}
"""


class DefaultTest(CliTest):
    FULL = {
        "id": 1, "k": 5, "scale": 1.5, "name": "nobody", "wait": "4ms",
        "since": "2026-11-28T00:00:00Z", "seed": 2**64 - 1, "note": None,
    }

    def run_asks(self, *words, flow="asks.flow", rows='{"id": 1}\n'):
        self.write("asks.flow", DEFAULTS)
        done = self.ends(FINE, "run", flow, *words, "--rows", "-", "--json", stdin=rows)
        return self.rows_of(done)

    def test_a_row_that_lacks_columns_has_their_defaults(self):
        self.assertEqual(self.run_asks(), [self.FULL])
        row = '{"id": 1, "k": 2, "wait": "1s"}'
        self.assertEqual(self.run_asks(rows=row), [{**self.FULL, "k": 2, "wait": "1s"}])
        self.assertEqual(self.run_asks("--set", "top=9"), [{**self.FULL, "k": 9}])

    def test_the_rest_must_be_there(self):
        self.write("asks.flow", DEFAULTS)
        self.ends(
            REQUEST_FAILED, "run", "asks.flow", "--rows", "-", stdin='{"k": 1}', says="no column `id`"
        )

    def test_a_plan_keeps_them(self):
        self.write("asks.flow", DEFAULTS)
        self.ends(FINE, "compile", "asks.flow", "--output", "asks.plan")
        self.assertEqual(self.run_asks(flow="asks.plan"), [self.FULL])
        self.assertIn("flow f: same", self.ends(FINE, "diff", "asks.plan", "asks.flow").stdout)

    def test_in_tests(self):
        self.write("asks.flow", DEFAULTS)
        self.ends(FINE, "test", "asks.flow")

    def test_a_difference_of_large_integers_is_shown_exactly(self):
        wrong = DEFAULTS.replace("seed == 18446744073709551615", "seed == 18446744073709551614")
        self.write("asks.flow", wrong)
        done = self.call("test", "asks.flow")
        self.assertIn("out[0].seed  18446744073709551615", done.stdout)

    def test_one_more_column_with_a_default_breaks_no_caller(self):
        self.write("new.flow", DEFAULTS.split("test ")[0].replace("-> Ask", "-> { id: i64 }"))
        old = DEFAULTS.replace("  k: i64 = top,\n", "").split("test ")[0]
        self.write("old.flow", old.replace("-> Ask", "-> { id: i64 }"))
        done = self.ends(FINE, "diff", "old.flow", "new.flow")
        self.assertIn("flow f: compatible", done.stdout)


TEXTS = """edition 1

schema Doc { id: i64, names: string[N], grid: string[2, 2], pair: string[2]? }

flow f(docs: Doc) -> {
  id: i64, names: string[N], first: string, all: string, n: i64, has: bool, row: string[2], some: string[2],
  both: string[_], made: string[2], mid: string[1], pair: string[2]?
} {
  return docs
    |> filter(names.shape[0] > 0)
    |> derive(first = names[0], all = lines(names), n = names.shape[0], has = "b" in names)
    |> derive(row = grid[1], some = take(names, topk([1.0, 3.0, 2.0], 2)), both = concat(names, row))
    |> derive(made = [first, "z"], mid = slice(names, 1, 2))
}

flow exploded(docs: Doc) -> { id: i64, names: string } {
  return docs |> explode(names) |> select(id, names)
}

test "texts" {
  given docs = [{ id: 1, names: ["a", "b", "c"], grid: [["a", "b"], ["c", "d"]] }]
  let out = f(docs)
  expect out[0].names == ["a", "b", "c"] and out[0].row == ["c", "d"] and out[0].names[1] == "b"
  expect out[0].all == "a\\nb\\nc" and out[0].pair is null
}
"""

DOCS = (
    '{"id": 1, "names": ["a", "", "ü \\n"], "grid": [["a", "b"], ["c", "d"]], "pair": null}\n'
    '{"id": 2, "names": [], "grid": [["", ""], ["", ""]], "pair": ["x", "y"]}\n'
    '{"id": 3, "names": ["b", "b", "b", "b"], "grid": [["1", "2"], ["3", "4"]], "pair": ["x", "y"]}\n'
)


class TextTensorTest(CliTest):
    def docs(self, *words, code=FINE, rows=DOCS, says=()):
        self.write("texts.flow", TEXTS)
        return self.ends(code, "run", "texts.flow", *words, "--rows", "-", "--json", stdin=rows, says=says)

    def test_they_are_taken_apart_and_put_together(self):
        first, second = self.rows_of(self.docs("f"))
        self.assertEqual(
            first,
            {
                "id": 1, "names": ["a", "", "ü \n"], "first": "a", "all": "a\n\nü \n", "n": 3,
                "has": False, "row": ["c", "d"], "some": ["", "ü \n"],
                "both": ["a", "", "ü \n", "c", "d"], "made": ["a", "z"], "mid": [""], "pair": None,
            },
        )
        self.assertEqual((second["n"], second["has"], second["pair"]), (4, True, ["x", "y"]))

    def test_they_explode(self):
        self.assertEqual(
            [(row["id"], row["names"]) for row in self.rows_of(self.docs("exploded"))],
            [(1, "a"), (1, ""), (1, "ü \n")] + [(3, "b")] * 4,
        )

    def test_in_tests(self):
        self.write("texts.flow", TEXTS)
        self.ends(FINE, "test", "texts.flow")

    def test_for_people(self):
        self.write("texts.flow", TEXTS)
        done = self.ends(FINE, "run", "texts.flow", "exploded", "--rows", "-", stdin=DOCS)
        self.assertIn(" 3  b", done.stdout)

    def test_rows_that_are_none(self):
        for wrong, says in [
            ('["a", 1]', "`names` wants string[N], found 1"),
            ('"a"', "`names` wants string[N], found a string"),
            ('[["a"]]', "`names` wants string[N], found a list"),
        ]:
            self.docs("f", code=REQUEST_FAILED, rows=DOCS.replace('["a", "", "ü \\n"]', wrong), says=says)
        self.docs(
            "f",
            code=REQUEST_FAILED,
            rows=DOCS.replace('[["a", "b"], ["c", "d"]]', '[["a", "b"]]'),
            says="`grid` is string[1, 2], declared string[2, 2]",
        )
        self.docs(
            "f",
            code=REQUEST_FAILED,
            rows=DOCS.replace('[["a", "b"], ["c", "d"]]', '[["a", "b"], ["c"]]'),
            says="`grid` is ragged",
        )

    def test_a_place_that_a_row_lacks(self):
        self.docs("f", code=REQUEST_FAILED, rows=DOCS.replace('"b", "b", "b", "b"', '"b"'), says="no place")


if __name__ == "__main__":
    cli.main()
