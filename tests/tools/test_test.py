"""`raceway test`: tests in flow files, their report and exit codes."""

import json
import xml.etree.ElementTree as xml

from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, USAGE, CliTest, main, png

FLOW = """edition 1

param limit: f32 = 0.5

schema Row { id: i64, x: f32[3], image: bytes }
schema Answer { id: i64, y: f32[2], sure: bool }

model first(x: f32[3]) -> (y: f32[2]) { source: "missing.pt" }
model second(x: f32[3], id: i64) -> (y: f32[2]) { source: "missing.pt" }
fn decode(image: bytes) -> (px: u8[H, W, 3]) { native: "image.decode" }

flow ask(rows: Row) -> Answer {
  let (sure, unsure) = rows |> map(first) |> derive(sure = max(y) >= limit) |> split(sure)
  let again = unsure |> map(second, replace: true)
  return union(sure, again) |> select(id, y, sure)
}

flow size(rows: { image: bytes }) -> { px: u8[H, W, 3] } {
  return rows |> map(decode)
}
"""

GIVEN = """
  given rows = [{ id: 1, x: [1, 2, 3], image: "" }, { id: 2, x: zeros(3), image: "" }]
  let out = ask(rows)"""


def case(title, body):
    return f'\ntest "{title}" {{{body}\n}}\n'


class TestCommandTest(CliTest):
    def flow(self, *cases, name="ask.flow"):
        return self.write(name, FLOW + "".join(cases))

    def outcomes(self, done):
        return {t["title"]: t["outcome"] for f in json.loads(done.stdout)["files"] for t in f["tests"]}

    def failures(self, code, body, *options):
        """The failures of the only test in the file."""
        self.flow(case("it", body))
        done = self.ends_with(code, "test", "ask.flow", "--json", *options)
        return json.loads(done.stdout)["files"][0]["tests"][0]["failures"]

    def ends_with(self, code, *words):
        done = self.call(*words)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}\n{done.stderr}")
        return done

    def test_passes(self):
        body = """
  stub first => [{ y: [0.25, 0.75] }, { y: [0.1, 0.2] }]
  stub second => { y: [1, 0] }""" + GIVEN + """
  expect out == [{ id: 1, y: [0.25, 0.75], sure: true }, { id: 2, y: [1.0, 0], sure: false }]
  expect calls(first) == 2 and calls(second) == 1 and count(args(second)) == 1
  expect args(second)[0].id == 2 and args(second)[0].x == zeros(3)
  expect out[0].y[1] == 0.75 and out[0].y[0] < limit and count(out) == 2
  expect out[1] == { id: 2, y: one_hot(0, 2), sure: false }
  expect not (out[0].id in [3, 4]) and out[1].id in 2..3
  expect error(out) == null and latency(out) == 0s"""
        self.flow(case("it passes", body))
        done = self.ends(FINE, "test", "ask.flow")
        self.assertRegex(done.stdout, r"ask\.flow\n  passed   it passes  \(\d+ ms\)\n1 test: 1 passed")

    def test_a_failing_expectation_shows_its_parts(self):
        failures = self.failures(
            FLOW_IS_WRONG,
            """
  stub first => { y: [0.25, 0.75] }""" + GIVEN + """
  expect count(out) == 2 and out[1].y[0] * 2 == 0.75
  expect calls(second) > 0""",
        )
        self.assertEqual([f["parts"] for f in failures], [{"out[1].y[0]": "0.25"}, {"calls(second)": "0"}])
        self.assertEqual(failures[0]["text"], "out[1].y[0] * 2 == 0.75")

    def test_tables_differ_row_by_row(self):
        failures = self.failures(
            FLOW_IS_WRONG,
            """
  stub first => { y: [0.25, 0.75] }""" + GIVEN + """
  expect out == [{ id: 1, y: [0.25, 0.5], sure: false }]""",
        )
        self.assertEqual(
            failures[0]["differences"],
            [
                "2 rows, expected 1",
                "row 0: `y` is [0.25, 0.75], expected [0.25, 0.5]",
                "row 0: `sure` is true, expected false",
                "row 1 is too much: { id: 2, y: [0.25, 0.75], sure: true }",
            ],
        )

    def test_floats_have_a_tolerance(self):
        stub = "\n  stub first => { y: [0.33333334, 1000] }" + GIVEN
        self.assertEqual(self.failures(FINE, stub + "\n  expect out[0].y == [0.333333, 1000.005]"), [])
        self.failures(FLOW_IS_WRONG, stub + "\n  expect out[0].y[1] == 1000.02")
        self.failures(FLOW_IS_WRONG, stub + "\n  expect out[0].y[0] == 0.3333")

    def test_values(self):
        body = """
  expect 7 / 2 == 3 and -7 / 2 == -4 and 7 / -2 == -4 and 7 / 2.0 == 3.5
  expect zeros(2) + [1, 2] == [1, 2] and one_hot(1, 3) * 2 == [0, 2, 0] and -[1] == [-1]
  expect [[1, 2], [3, 4]][1, 0] == 3 and count([1, 2]) == 2 and [] == zeros(0)
  expect "a" < "b" and not ("b" <= "a") and 2s / 4 == 500ms and 3 * 2ms - 1ms == 5ms
  expect 0x7fffffffffffffff + 1 == 9223372036854775808 and null ?? 3 == 3
  expect null ?? 3 == 3 and null is null and 1 is not null and (if 1 < 2 then true else false)"""
        self.assertEqual(self.failures(FINE, body), [])
        bad = "\n  expect 1 / (limit - limit) == 1 or 1 / 0 == 1\n  expect 0xffffffffffffffff + 1 > 0"
        messages = [f["message"] for f in self.failures(FLOW_IS_WRONG, bad)]
        self.assertEqual(messages, ["a division by 0", "the result of `+` does not fit 64 bits"])

    def test_what_has_no_order(self):
        body = """
  expect limit / 0.0 - limit / 0.0 in 0.0..1.0
  expect not (1.0 <= limit / 0.0 - limit / 0.0)
  expect out[0].x in 0.0..1.0
  expect not (out[0].x > 0.5)
  expect (out[0].x ?? 0.25) in 0.0..1.0"""
        self.write("maybe.flow", """edition 1
param limit: f32 = 0.5
flow maybe(rows: { id: i64, x: f32? }) -> { id: i64, x: f32? } { return rows |> select(id, x) }
test "it" {
  given rows = [{ id: 1, x: null }]
  let out = maybe(rows)""" + body + "\n}\n")
        done = self.ends_with(FLOW_IS_WRONG, "test", "maybe.flow", "--json")
        failures = json.loads(done.stdout)["files"][0]["tests"][0]["failures"]
        nan = "`limit / 0.0 - limit / 0.0` is NaN, which is neither below nor above anything"
        self.assertEqual(
            [f["message"] for f in failures], [nan, nan, "`in` with a null", "`>` with a null"]
        )

    def test_the_clock_is_virtual(self):
        body = """
  stub first => slow(2s, { y: [0, 0] })
  stub second => [slow(1.5h, { y: [0, 0] }), slow(3h, { y: [1, 1] })]""" + GIVEN + """
  expect latency(out) == 3h + 2s and latency(out) > 180min"""
        self.assertEqual(self.failures(FINE, body), [])

    def test_a_slow_answer_is_replaced(self):
        self.write("voice.flow", """edition 1
schema Ask { id: i64, x: f32[3] }
model qa(x: f32[3]) -> (say: i64) { source: "missing.pt" }
flow reply(asks: Ask) -> { id: i64, say: i64 } {
  return asks |> map(qa, timeout: 900ms) rescue derive(say = -1) |> select(id, say)
}
test "a slow answer is replaced" {
  stub qa => slow(2s, { say: 8611 })
  given asks = [{ id: 1, x: zeros(3) }]
  let out = reply(asks)
  expect out[0].say == -1 and latency(out) == 900ms
}
test "one in time is not" {
  stub qa => slow(800ms, { say: 8611 })
  given asks = [{ id: 1, x: zeros(3) }]
  let out = reply(asks)
  expect out[0].say == 8611 and latency(out) == 800ms
}
""")
        self.ends_with(FINE, "test", "voice.flow")

    def test_a_stub_may_fail(self):
        stub = """
  stub first => [{ y: [0, 0] }, fails("out of memory")]
  stub second => { y: [0, 0] }""" + GIVEN
        self.assertEqual(self.failures(FINE, stub + "\n  expect error(out) != null"), [])
        failure = self.failures(FLOW_IS_WRONG, stub + "\n  expect count(out) == 2")[0]["message"]
        self.assertRegex(failure, r"`ask` failed: .*map\(first\) at ask.flow:\d+:\d+: row 2: first: out of memory")

    def test_answers_run_out(self):
        failure = self.failures(FLOW_IS_WRONG, "\n  stub first => [{ y: [1, 0] }]" + GIVEN + "\n  expect true")
        self.assertEqual(failure[0]["message"], "the stub of `first` has 1 answer, this is call 2")

    def test_a_stub_is_held_to_the_dimensions_of_its_model(self):
        flow = """edition 1
model m(x: f32[N]) -> (y: f32[N], h: f32[N / 2]) { source: "missing.pt" }
flow f(t: { x: f32[N] }) -> { y: f32[N], h: f32[N / 2] } { return t |> map(m) |> select(y, h) }
"""

        def failures(code, answer):
            body = f"""
  stub m => {answer}
  given t = [{{ x: [1, 2] }}]
  let out = f(t)
  expect count(out) == 1"""
            self.write("m.flow", flow + case("it", body))
            done = self.ends_with(code, "test", "m.flow", "--json")
            return [f["message"] for f in json.loads(done.stdout)["files"][0]["tests"][0]["failures"]]

        self.assertEqual(failures(FINE, "{ y: [1, 2], h: [1] }"), [])
        self.assertEqual(
            failures(FLOW_IS_WRONG, "{ y: [1, 2, 3], h: [1] }"),
            ["the stub of `m`: `N` is 2 in `x` but 3 in `y`"],
        )
        self.assertEqual(
            failures(FLOW_IS_WRONG, "{ y: [1, 2], h: [1, 2] }"),
            ["the stub of `m`: dimension 1 of `h` is 2, `N/2` is 1 (`N` is 2)"],
        )

    def test_a_model_without_a_stub(self):
        body = "\n  stub second => { y: [0, 0] }" + GIVEN + "\n  expect error(out) != null"
        self.assertIn("`first` is called and has no stub", self.failures(FLOW_IS_WRONG, body)[0]["message"])
        # Nobody computes with what it answers: all but its answer can be asked.
        only = """
  given rows = [{ x: [1, 2, 3] }]
  let out = plain(rows)
  expect count(out) == 1 and args(first)[0].x == [1, 2, 3] and latency(out) == 0s"""
        plain = "flow plain(rows: { x: f32[3] }) -> { y: f32[2] } { return rows |> map(first) }\n"
        self.write("plain.flow", FLOW + plain + case("a", only) + case("b", only + "\n  expect out[0].y == [0, 0]"))
        done = self.ends_with(FLOW_IS_WRONG, "test", "plain.flow", "--json")
        self.assertEqual(self.outcomes(done), {"a": "passed", "b": "failed"})
        self.assertIn("nobody knows `out[0].y`", done.stdout)
        # The file of the model is not there.
        self.assertIn("missing.pt", self.failures(MACHINE_LACKS, body, "--real")[0]["message"])

    def test_real_models_run(self):
        self.write(
            "twice.flow",
            """edition 1
model double(x: f32[2]) -> (y: f32[2]) { source: "double.pt" }
flow twice(rows: { x: f32[2] }) -> { y: f32[2] } { return rows |> map(double) }
test "real" {
  given rows = [{ x: [1, 2.5] }]
  let out = twice(rows)
  expect out == [{ y: [3, 6] }] and calls(double) == 1
}
""",
        )
        self.ends(FINE, "test", "twice.flow", "--real")
        self.ends_with(FLOW_IS_WRONG, "test", "twice.flow")

    def test_program_6(self):
        """A slow answer is replaced; `tts` has no stub, for nobody computes with its answer."""
        self.write(
            "assistant.flow",
            """edition 1
schema Utterance { id: i64, pcm: f32[T] }
schema Reply { id: i64, intent: string, speech: f32[U] }
model asr(pcm: f32[T]) -> (text: string) { source: "asr.pt" }
model intent(text: string) -> (intent: string) { source: "intent.pt" }
model qa(text: string) -> (say: string) { source: "qa.pt" }
model home(text: string) -> (say: string) { source: "home.pt" }
model tts(say: string) -> (speech: f32[U]) { source: "tts.pt" }
flow assistant(heard: Utterance) -> Reply {
  return heard
    |> map(asr)
    |> map(intent)
    |> route(intent) {
         "question" => map(qa, timeout: 900ms) rescue derive(say = "I do not know."),
         "home" => map(home),
         else => derive(say = "Sorry?"),
       }
    |> map(tts)
    |> select(id, intent, speech)
}
test "a slow answer is replaced" {
  stub asr => { text: "how high is K2" }
  stub intent => { intent: "question" }
  stub qa => slow(2s, { say: "8611 m" })
  given heard = [{ id: 1, pcm: zeros(16000) }]
  let out = assistant(heard)
  expect args(tts)[0].say == "I do not know."
  expect latency(out) < 2s
  expect latency(out) == 900ms
}
test "a quick one is not" {
  stub asr => { text: "how high is K2" }
  stub intent => { intent: "question" }
  stub qa => [slow(899ms, { say: "8611 m" }), fails("out of memory")]
  given heard = [{ id: 1, pcm: zeros(16000) }, { id: 2, pcm: zeros(8) }]
  let out = assistant(heard)
  expect args(tts)[0].say == "8611 m" and args(tts)[1].say == "I do not know."
  expect calls(qa) == 2 and calls(tts) == 2
}
""",
        )
        done = self.call("test", "assistant.flow")
        self.assertEqual(done.returncode, FINE, done.stdout + done.stderr)

    def test_rows_keep_their_answers_through_nested_retries(self):
        self.write(
            "nested.flow",
            """edition 1
model m(x: f32[2]) -> (y: f32) { source: "missing.pt" }
schema T { id: i64, x: f32[2] }
flow inner(t: { x: f32[2], ... }) -> { x: f32[2], y: f32, ... } { return t |> map(m, timeout: 60ms) }
flow outer(t: T) -> { id: i64, y: f32 } {
  return t |> inner rescue derive(y = -1.0) |> select(id, y)
}
flow raced(t: T) -> { id: i64, y: f32 } {
  return t |> anyof(accept: y > 0.0) { a => inner, else => derive(y = -2.0) } |> select(id, y)
}
test "one that fails" {
  stub m => [{ y: 1 }, fails("no"), { y: 3 }, { y: 4 }]
  given t = [{ id: 1, x: [0, 0] }, { id: 2, x: [0, 0] }, { id: 3, x: [0, 0] }, { id: 4, x: [0, 0] }]
  let out = outer(t)
  expect out == [{ id: 1, y: 1 }, { id: 2, y: -1 }, { id: 3, y: 3 }, { id: 4, y: 4 }]
  expect calls(m) == 4
}
test "late ones stay late" {
  stub m => slow(200ms, { y: 1 })
  given t = [{ id: 1, x: [0, 0] }, { id: 2, x: [0, 0] }]
  let out = outer(t)
  expect out == [{ id: 1, y: -1 }, { id: 2, y: -1 }] and calls(m) == 2
}
test "one that fails in a race" {
  stub m => [{ y: 1 }, fails("no"), { y: 3 }, { y: 4 }]
  given t = [{ id: 1, x: [0, 0] }, { id: 2, x: [0, 0] }, { id: 3, x: [0, 0] }, { id: 4, x: [0, 0] }]
  let out = raced(t)
  expect out == [{ id: 1, y: 1 }, { id: 2, y: -2 }, { id: 3, y: 3 }, { id: 4, y: 4 }]
  expect calls(m) == 4
}
""",
        )
        done = self.call("test", "nested.flow")
        self.assertEqual(done.returncode, FINE, done.stdout + done.stderr)

    def test_branches_of_a_race_run_as_written(self):
        """As they do where no thread is free; what a user reads of it is in dsl/README.md."""
        race = """edition 1
model calm(x: f32) -> (y: f32) { source: "missing.pt" }
model quick(x: f32) -> (y: f32) { source: "missing.pt" }
flow raced(t: { x: f32 }) -> { y: f32, by: string } {
  return t
    |> anyof(accept: y > 0.0, winner: by) { first => map(calm), second => map(quick) }
    |> select(y, by)
}
test "the first good answer as written" {
  stub calm => slow(50ms, { y: 1 })
  stub quick => slow(20ms, { y: 2 })
  given t = [{ x: 0 }]
  let out = raced(t)
  expect out == [{ y: 1, by: "first" }] and calls(quick) == 0 and latency(out) == 50ms
}
test "one whose answer is not good takes its time" {
  stub calm => slow(50ms, { y: -1 })
  stub quick => slow(20ms, { y: 2 })
  given t = [{ x: 0 }]
  let out = raced(t)
  expect out == [{ y: 2, by: "second" }] and latency(out) == 70ms
}
"""
        self.write("race.flow", race)
        done = self.call("test", "race.flow")
        self.assertEqual(done.returncode, FINE, done.stdout + done.stderr)

    def test_functions_of_other_files(self):
        self.write(
            "lib.flow",
            """edition 1
model big(x: f32) -> (y: f32) { source: "missing.pt" }
flow look(rows: { x: f32, ... }) -> { ..., y: f32 } { return rows |> map(big) }
""",
        )
        self.write(
            "main.flow",
            """edition 1
import lib from "lib.flow"
flow ask(rows: { x: f32 }) -> { y: f32 } { return rows |> lib.look }
test "a stub in another file" {
  stub lib.big => { y: 2.5 }
  given rows = [{ x: 1 }]
  let out = ask(rows)
  expect out == [{ y: 2.5 }] and calls(lib.big) == 1 and args(lib.big)[0].x == 1
}
""",
        )
        self.ends(FINE, "test", "main.flow")

    def test_native_functions_run(self):
        self.write("a.png", png(2, 3))
        self.write("rows.jsonl", '{"image": {"file": "a.png"}}\n')
        self.flow(
            case(
                "bytes of a file",
                """
  given rows = [{ image: file("a.png") }]
  let out = size(rows)
  expect count(out[0].px) == 3 and out[0].px[2, 1] == [10, 20, 30] and calls(decode) == 1""",
            ),
            case(
                "rows of a file",
                """
  given rows = rows("rows.jsonl")
  let out = size(rows)
  expect out[0].px[0][0][2] == 30 and args(decode)[0].image == file("a.png")""",
            ),
            case("no file", '\n  given rows = [{ image: file("b.png") }]\n  let out = size(rows)\n  expect true'),
        )
        done = self.ends_with(MACHINE_LACKS, "test", "ask.flow", "--json")
        self.assertEqual(
            self.outcomes(done),
            {"bytes of a file": "passed", "rows of a file": "passed", "no file": "lacking"},
        )

    def test_one_test_harms_no_other(self):
        stub = "\n  stub first => { y: [1, 0] }"
        self.flow(
            case("broken", "\n  stub frist => { y: [0, 0] }\n  expect true"),
            case("syntax", "\n  expect expect expect"),
            case("failing", stub + GIVEN + "\n  expect count(out) == 3"),
            case("index", stub + GIVEN + "\n  expect out[5].id == 3"),
            case("right", stub + GIVEN + "\n  expect count(out) == 2 and calls(first) == 2"),
        )
        done = self.ends_with(FLOW_IS_WRONG, "test", "ask.flow", "--json")
        self.assertEqual(
            self.outcomes(done),
            {
                "broken": "broken",
                "failing": "failed",
                "index": "failed",
                "right": "passed",
                "syntax": "broken",
            },
        )
        self.assertIn("did you mean `first`?", done.stdout)
        # The flows run all the same.
        self.ends(FINE, "explain", "ask.flow", "ask")
        self.ends_with(FLOW_IS_WRONG, "check", "ask.flow")

    def test_a_test_that_cannot_be_read_is_broken(self):
        self.flow('\ntest "lost" {\n  assert true\n}\n')
        done = self.ends_with(FLOW_IS_WRONG, "test", "ask.flow")
        self.assertIn("broken   lost", done.stdout)
        self.assertFalse(json.loads(self.ends_with(FLOW_IS_WRONG, "test", "ask.flow", "--json").stdout)["ok"])

    def test_a_wrong_flow_runs_no_test(self):
        self.write("wrong.flow", FLOW.replace("max(y)", "max(z)") + case("it", "\n  expect true"))
        self.ends(FLOW_IS_WRONG, "test", "wrong.flow", says="no column `z`")

    def test_filter_folder_and_usage(self):
        self.flow(case("one", "\n  expect true"), case("two", "\n  expect false"))
        self.flow(case("three", "\n  expect limit == 0.75"), name="sub/b.flow")
        self.ends_with(FLOW_IS_WRONG, "test", ".")
        self.ends(FINE, "test", "ask.flow", "--filter", "on")
        self.ends(FINE, "test", "sub", "--set", "limit=0.75")
        self.ends_with(FLOW_IS_WRONG, "test", "sub")
        self.ends(USAGE, "test", ".", "--filter", "four", says="no test has `four`")
        self.ends(USAGE, "test", says="PATH")
        self.ends(USAGE, "test", "missing.flow", says="missing.flow")
        (self.dir / "empty").mkdir()
        self.ends(USAGE, "test", "empty", says="no .flow file")
        self.ends(USAGE, "test", "ask.flow", "--set", "limt=1", says="did you mean `limit`?")
        self.ends(USAGE, "test", "ask.flow", "--set", "limit=much", says="wanted f32")

    def test_update_writes_what_came_out(self):
        body = "\n  stub first => { y: [0.25, 0.75] }" + GIVEN + "\n  expect out == [{ id: 1, y: [0, 0], sure: false }]"
        self.flow(case("rows", body), case("other", "\n  expect limit == 7"))
        done = self.ends_with(FLOW_IS_WRONG, "test", "ask.flow", "--update", "--json")
        self.assertEqual(self.outcomes(done), {"rows": "updated", "other": "failed"})
        text = (self.dir / "ask.flow").read_text()
        self.assertIn(
            "expect out == [\n    { id: 1, y: [0.25, 0.75], sure: true },\n"
            "    { id: 2, y: [0.25, 0.75], sure: true },\n  ]\n}",
            text,
        )
        self.assertIn("expect limit == 7", text)
        self.ends(FINE, "test", "ask.flow", "--filter", "rows")

    def test_update_keeps_comments(self):
        self.write(
            "k.flow",
            """edition 1

flow k(t: { z: i64 }) -> { z: i64 } {
  return t
}

test "u" {
  given t = [{ z: 1 }, { z: 5 }]
  let out = k(t)
  expect out == [
    // the first, "as it is"
    { z: 2 },  // behind it
    { z: /* inside */ 3 },
    { z: 4 }  // without a comma
    // the end
  ]
}
""",
        )
        self.ends_with(FINE, "test", "k.flow", "--update", "--json")
        self.assertIn(
            """  expect out == [
    // the first, "as it is"
    { z: 1 },  // behind it
    /* inside */
    { z: 5 },
    // without a comma
    // the end
  ]
""",
            (self.dir / "k.flow").read_text(),
        )
        self.ends(FINE, "test", "k.flow")

    def test_junit(self):
        self.flow(case("a & <c>", "\n  expect true"), case("two", "\n  expect 1 > 2"))
        self.ends_with(FLOW_IS_WRONG, "test", "ask.flow", "--junit", "out.xml")
        suites = xml.parse(self.dir / "out.xml").getroot()
        suite = suites.find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("errors")), ("2", "1", "0"))
        cases = suite.findall("testcase")
        self.assertEqual([c.get("name") for c in cases], ["a & <c>", "two"])
        self.assertIn("ask.flow:", cases[1].find("failure").get("message"))
        self.ends(MACHINE_LACKS, "test", "ask.flow", "--filter", "a &", "--junit", "no/such/folder.xml", says="cannot write")


if __name__ == "__main__":
    main()
