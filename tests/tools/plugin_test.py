"""Flows that call functions of users' libraries, good ones and bad ones of every kind."""

import hashlib
import json
import os
import random
import shutil
import time

import cli
from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, REQUEST_FAILED, CliTest, main

FLOW = """edition 1

fn scale(x: f32[N]) -> (y: f32[N]) {
  native: "scale"
  library: "lib/good.so"
  by: 2.5
}

flow scaled(rows: { x: f32[N] }) -> { y: f32[N] } {
  return rows |> map(scale)
}
"""

STRICT = """edition 1

fn strict(n: i64) -> (m: i64) { native: "%s", library: "lib/good.so" }

flow f(rows: { n: i64 }) -> { m: i64 } {
  return rows |> map(strict)
}
"""


def calls(library, function="a"):
    return f"""edition 1

fn a(n: i64) -> (m: i64) {{ native: "{function}", library: "{library}" }}

flow f(rows: {{ n: i64 }}) -> {{ m: i64 }} {{
  return rows |> map(a)
}}
"""


class PluginTest(CliTest):
    """Each test has a cache of its own."""

    def setUp(self):
        super().setUp()
        self.plugins = cli.CLI.parents[1] / "tests" / "plugins"
        (self.dir / "lib").mkdir()
        self.seconds = "20"

    def call(self, *words, stdin=None, timeout=120, env=None):
        env = dict(
            os.environ,
            XDG_CACHE_HOME=str(self.dir / "cache"),
            RACEWAY_PLUGIN_SECONDS=self.seconds,
            # Where sanitizers are built in, crashes are to look as they do without.
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0:handle_abort=0",
            TSAN_OPTIONS=os.environ.get("TSAN_OPTIONS", "") + ":handle_segv=0:handle_abort=0",
            **(env or {}),
        )
        return super().call(*words, stdin=stdin, timeout=timeout, env=env)

    def copy(self, *names):
        for name in names:
            shutil.copy(self.plugins / f"{name}.so", self.dir / "lib")

    def check(self, library, code, says):
        self.write("f.flow", calls(f"lib/{library}.so"))
        return self.ends(code, "check", "f.flow", says=says)


class GoodTest(PluginTest):
    def setUp(self):
        super().setUp()
        self.copy("good")
        self.write("scaled.flow", FLOW)

    def test_it_is_checked_compiled_and_run(self):
        self.ends(FINE, "check", "scaled.flow")
        self.write("rows.jsonl", '{"x": [1, 2]}\n{"x": [4]}\n')
        done = self.ends(FINE, "run", "scaled.flow", "--rows", "rows.jsonl", "--json")
        self.assertEqual(self.rows_of(done), [{"y": [2.5, 5.0]}, {"y": [10.0]}])
        self.ends(FINE, "compile", "scaled.flow")
        plan = json.loads((self.dir / "scaled.plan").read_text())
        self.assertEqual([file["path"] for file in plan["files"]], ["lib/good.so"])
        done = self.ends(FINE, "run", "scaled.plan", "--rows", "rows.jsonl", "--json")
        self.assertEqual(self.rows_of(done), [{"y": [2.5, 5.0]}, {"y": [10.0]}])

    def test_a_flow_elsewhere_finds_it_beside_itself(self):
        self.write("sub/scaled.flow", FLOW)
        self.write("main.flow", 'edition 1\nimport { scaled } from "sub/scaled.flow"\n'
                   "flow f(rows: { x: f32[N] }) -> { y: f32[N] } { return rows |> scaled }\n")
        self.ends(MACHINE_LACKS, "check", "main.flow", says="sub/lib/good.so")
        shutil.copytree(self.dir / "lib", self.dir / "sub" / "lib")
        self.write("rows.jsonl", '{"x": [1, 2]}\n')
        done = self.ends(FINE, "run", "main.flow", "--rows", "rows.jsonl", "--json")
        self.assertEqual(self.rows_of(done), [{"y": [2.5, 5.0]}])

    def test_the_second_check_starts_no_process(self):
        self.ends(FINE, "check", "scaled.flow")
        cached = list((self.dir / "cache/raceway/plugins").glob("*.json"))
        self.assertEqual(len(cached), 1)
        begin = time.monotonic()
        self.ends(FINE, "check", "scaled.flow")
        self.assertLess(time.monotonic() - begin, 0.25)

    def test_a_torn_cache_is_written_anew(self):
        self.ends(FINE, "check", "scaled.flow")
        (cached,) = (self.dir / "cache/raceway/plugins").glob("*.json")
        whole = cached.read_text()
        for torn in ("", whole[: len(whole) // 2], '{"format": 0}', "[]", "null"):
            cached.write_text(torn)
            self.ends(FINE, "check", "scaled.flow")
            self.assertEqual(cached.read_text(), whole)

    def test_it_works_where_nothing_can_be_cached(self):
        self.write("cache", "a file, not a folder")
        self.ends(FINE, "check", "scaled.flow")

    def test_it_is_shown(self):
        done = self.ends(FINE, "plugin", "lib/good.so")
        self.assertIn('fn twice(x: f32[N]) -> (y: f32[N]) { native: "twice", library: "lib/good.so" }',
                      done.stdout)
        self.assertIn("by: number, required, at least 0.0, at most 10.0. The factor.", done.stdout)
        done = self.ends(FINE, "plugin", "lib/good.so", "--json")
        names = [function["name"] for function in json.loads(done.stdout)["functions"]]
        self.assertIn("text.join", names)
        self.ends(MACHINE_LACKS, "plugin", "lib/none.so", says="No such file")

    def test_what_is_shown_can_be_pasted(self):
        shown = self.ends(FINE, "plugin", "lib/good.so").stdout
        lines = [line for line in shown.splitlines() if line.startswith("fn ") and '"scale"' not in line
                 and '"read"' not in line]
        self.write("pasted.flow", "edition 1\n" + "\n".join(lines) + "\n")
        self.ends(FINE, "check", "pasted.flow")

    def test_what_it_throws_ends_its_own_request(self):
        self.write("f.flow", STRICT % "strict")
        self.write("rows.jsonl", '{"n": 2}\n{"n": 3}\n{"n": 4}\n')
        self.ends(REQUEST_FAILED, "run", "f.flow", "--rows", "rows.jsonl",
                  says=["strict: 3 is odd", "map(strict)", "row 2"])
        done = self.call("run", "f.flow", "--rows", "rows.jsonl", "--json", "--per-row")
        self.assertEqual(done.returncode, REQUEST_FAILED, done.stderr)
        self.assertEqual([row for row in self.rows_of(done) if "m" in row], [{"m": 2}, {"m": 4}])
        self.assertIn("strict: 3 is odd", done.stdout + done.stderr)

    def test_a_wrong_result_is_an_error_of_its_row(self):
        self.write("f.flow", STRICT % "other_type")
        self.write("rows.jsonl", '{"n": 2}\n')
        self.ends(REQUEST_FAILED, "run", "f.flow", "--rows", "rows.jsonl",
                  says="other_type: result `m` is f64, declared i64")

    def test_it_stops_at_a_deadline(self):
        self.write("f.flow", STRICT % "patient")
        self.write("rows.jsonl", '{"n": 2}\n')
        self.ends(REQUEST_FAILED, "run", "f.flow", "--rows", "rows.jsonl", "--deadline", "50",
                  says="deadline")

    def test_its_test_runs(self):
        self.write("t.flow", FLOW + """
test "twice and a half" {
  given rows = [{ x: [2.0] }]
  let out = scaled(rows)
  expect out[0].y[0] == 5.0
}
test "stubs stand for functions" {
  stub scale => { y: [1.0] }
  given rows = [{ x: [2.0] }]
  let out = scaled(rows)
  expect out[0].y[0] == 1.0
}
""")
        self.ends(FINE, "test", "t.flow")

    def test_another_library_needs_another_plan(self):
        self.ends(FINE, "compile", "scaled.flow")
        library = self.dir / "lib/good.so"
        library.write_bytes(library.read_bytes() + b"x")
        self.write("rows.jsonl", '{"x": [1, 2]}\n')
        self.ends(MACHINE_LACKS, "run", "scaled.plan", "--rows", "rows.jsonl",
                  says="compile the flow again")

    def test_a_plan_with_a_library_that_crashes_does_not_end_the_program(self):
        self.ends(FINE, "compile", "scaled.flow")
        self.copy("crashes")
        text = (self.dir / "scaled.plan").read_text()
        crash = (self.dir / "lib/crashes.so").read_bytes()
        plan = json.loads(text)
        old = plan["files"][0]
        new = dict(old, path="lib/crashes.so", sha256=hashlib.sha256(crash).hexdigest())
        for key in old:
            if old[key] == (self.dir / "lib/good.so").stat().st_size:
                new[key] = len(crash)
        text = text.replace("lib/good.so", "lib/crashes.so").replace(old["sha256"], new["sha256"])
        plan = json.loads(text)
        plan["files"] = [new]
        self.write("crash.plan", json.dumps(plan))
        self.write("rows.jsonl", '{"x": [1, 2]}\n')
        self.ends(MACHINE_LACKS, "run", "crash.plan", "--rows", "rows.jsonl",
                  says="Segmentation fault")


class BadTest(PluginTest):
    def bad(self, name, *says, code=FLOW_IS_WRONG):
        self.copy(name)
        return self.check(name, code, ["error[E0901]" if code == FLOW_IS_WRONG else "", *says])

    def test_one_that_crashes_when_it_is_loaded(self):
        self.bad("crashes", "`lib/crashes.so` ends its process when it is loaded: Segmentation fault")
        self.ends(FLOW_IS_WRONG, "plugin", "lib/crashes.so", says="Segmentation fault")

    def test_one_that_exits(self):
        self.bad("exits", "ends its process when it is loaded: exit code 3")

    def test_one_that_throws_when_it_is_loaded(self):
        self.bad("throws_on_load", "Aborted", "no licence file")

    def test_one_that_hangs(self):
        self.seconds = "2"
        begin = time.monotonic()
        self.bad("hangs", "`lib/hangs.so` is not done with loading after 2 seconds")
        self.assertLess(time.monotonic() - begin, 20)

    def test_one_that_throws_when_asked(self):
        self.bad("throws_declaring", "out of order")

    def test_one_with_a_wrong_signature(self):
        self.bad("bad_signature", "no type `f33[N]`")

    def test_one_that_lacks_symbols(self):
        self.bad("unresolved", "cannot be loaded: undefined symbol", "NowhereToBeFound")
        self.bad("no_symbol", "the symbol `raceway_plugin` is missing")
        self.bad("no_plugin", "there is no `RACEWAY_PLUGIN(…)` in it")

    def test_other_versions_are_refused_before_they_are_loaded(self):
        for name, found in (("other_api", "plugin API 99"), ("other_libtorch", "LibTorch 1.13.1"),
                            ("other_std", "libc++")):
            self.copy(name)
            self.check(name, FLOW_IS_WRONG, ["error[E0902]", f"was built for {found}, this Raceway has"])

    def test_what_is_no_library(self):
        self.write("lib/text.so", "#!/bin/sh\necho hello\n")
        self.check("text", FLOW_IS_WRONG, ["error[E0901]", "`lib/text.so` is no shared library"])
        self.check("none", MACHINE_LACKS, ["error[E0801]", "No such file or directory"])
        (self.dir / "lib/folder.so").mkdir()
        self.check("folder", MACHINE_LACKS, ["error[E0801]"])
        self.write("lib/empty.so", "")
        self.check("empty", FLOW_IS_WRONG, ["error[E0901]", "is no shared library"])

    def test_one_error_for_all_functions_of_a_library(self):
        fn = 'fn {0}(n: i64) -> (m: i64) {{ native: "{0}", library: "{1}" }}\n'
        self.write("lib/text.so", "no library")
        text = fn.format("a", "lib/gone.so") + fn.format("x", "lib/text.so")
        text += fn.format("b", "lib/gone.so") + fn.format("c", "lib/gone.so")
        self.write("f.flow", "edition 1\n" + text)
        says = [
            "cannot read `lib/gone.so`: No such file or directory (3 functions are of it)\n"
            " --> f.flow:2:50",
            "error[E0901]: `lib/text.so` is no shared library",
            "f.flow: 2 errors",
        ]
        said = self.ends(FLOW_IS_WRONG, "check", "f.flow", says=says).stderr
        self.assertEqual(1, said.count("functions are of it"))

    def test_a_function_that_it_has_not(self):
        self.copy("good")
        self.write("f.flow", calls("lib/good.so", "strickt"))
        self.ends(FLOW_IS_WRONG, "check", "f.flow",
                  says=["no native function `strickt` in `lib/good.so`", "did you mean `strict`?"])

    def test_torn_libraries(self):
        whole = (self.plugins / "good.so").read_bytes()
        dice = random.Random(5)
        sizes = [len(whole) - 1, len(whole) // 2, 4096, 64]
        sizes += [dice.randrange(1, len(whole)) for _ in range(6)]
        for size in sizes:
            self.write("lib/torn.so", whole[:size])
            done = self.call("plugin", "lib/torn.so")
            # What lies behind the code (section names) is not missed by the loader.
            self.assertIn(done.returncode, (FINE, FLOW_IS_WRONG), f"{size}: {done.stderr}")
            if size < len(whole) // 3:
                self.assertEqual(done.returncode, FLOW_IS_WRONG, size)

    def test_scrambled_libraries(self):
        whole = (self.plugins / "good.so").read_bytes()
        dice = random.Random(7)
        for _ in range(8):
            scrambled = bytearray(whole)
            for _ in range(30):
                scrambled[dice.randrange(64, len(whole))] = dice.randrange(256)
            self.write("lib/torn.so", bytes(scrambled))
            done = self.call("plugin", "lib/torn.so")
            self.assertIn(done.returncode, (FINE, FLOW_IS_WRONG), done.stderr)


if __name__ == "__main__":
    main()
