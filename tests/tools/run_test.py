#!/usr/bin/env python3
"""`raceway compile` and `run`: models, deadlines, plans, where files lie."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import cli
from cli import FINE, FLOW_IS_WRONG, USAGE, REQUEST_FAILED, MACHINE_LACKS, DOUBLE, ROWS, CliTest


class ModelTest(CliTest):
    def run_with(self, code, model, *words, says=()):
        self.write("twice.flow", DOUBLE.replace("double.pt", model))
        self.write("rows.jsonl", ROWS)
        return self.ends(code, "run", "twice.flow", "--rows", "rows.jsonl", *words, says=says)

    def test_columns_change_names(self):
        for step, row in [
            ("derive(a = b)", {"a": 2, "b": 2}),
            ("select(a = b, b = a)", {"a": 2, "b": 1}),
            ("filter(a > 0) |> select(a = b, b = a)", {"a": 2, "b": 1}),
        ]:
            self.write(
                "names.flow",
                "edition 1\nflow f(t: { a: i64, b: i64 }) -> { a: i64, b: i64 } "
                "{ return t |> %s }\n" % step,
            )
            words = ["run", "names.flow", "--rows", "-", "--json"]
            for more in [[], ["--without", "dead-columns"]]:
                done = self.call(*words, *more, stdin=json.dumps({"a": 1, "b": 2}))
                self.assertEqual(json.loads(done.stdout), row, step + done.stderr)

    def test_a_literal_in_a_conversion_keeps_its_digits(self):
        self.write(
            "sum.flow",
            "edition 1\nflow f(t: { v: f64 }) -> { v: f64 } { return t |> derive(v = v + f64(0.1)) }\n",
        )
        done = self.call("run", "sum.flow", "--rows", "-", "--json", stdin=json.dumps({"v": 0.25}))
        self.assertEqual(json.loads(done.stdout), {"v": 0.35}, done.stderr)

    def test_a_missing_model(self):
        says = ["error[E0801]: cannot read `gone.pt`: No such file", "twice.flow:7:11"]
        self.run_with(MACHINE_LACKS, "gone.pt", says=says)
        self.ends(MACHINE_LACKS, "compile", "twice.flow", says=says)
        self.assertFalse((self.dir / "twice.plan").exists())

    def test_a_folder_as_model(self):
        (self.dir / "folder.pt").mkdir()
        says = ["`folder.pt`: it is a folder", "twice.flow:7:11"]
        self.run_with(MACHINE_LACKS, "folder.pt", says=says)

    def test_what_is_no_torchscript(self):
        self.write("text.pt", "no model")
        says = ["map(double) at twice.flow:11:18", "text.pt is no TorchScript"]
        self.run_with(MACHINE_LACKS, "text.pt", says=says)
        content = (self.dir / "double.pt").read_bytes()
        self.write("cut.pt", content[: len(content) // 2])
        self.run_with(MACHINE_LACKS, "cut.pt", says="cut.pt is no TorchScript")

    def test_a_picture_as_model(self):
        picture = b"\x89PNG\r\n\x1a\n" + bytes(64)
        (self.dir / "cat.pt").write_bytes(picture)
        self.run_with(MACHINE_LACKS, "cat.pt", says="cat.pt is no TorchScript")

    def test_a_model_that_keeps_state(self):
        says = ["map(double) at twice.flow:11:18", "counts.pt keeps state between calls"]
        self.run_with(MACHINE_LACKS, "counts.pt", says=says)

    def test_a_model_that_answers_another_shape(self):
        self.run_with(
            REQUEST_FAILED, "longer.pt",
            says=["map(double) at twice.flow:11:18", "output `y` is f32[4], declared f32[2]"],
        )

    def test_a_model_that_throws(self):
        self.run_with(REQUEST_FAILED, "raises.pt", says=["map(double)", "no luck today"])
        done = self.run_with(
            REQUEST_FAILED, "raises.pt", "--per-row", "--json", says=["row 2: ", "no luck today"]
        )
        self.assertEqual([row["id"] for row in self.rows_of(done)], [1, 3])

    def test_a_deadline(self):
        says = "the deadline has passed"
        done = self.run_with(REQUEST_FAILED, "slow.pt", "--deadline", "1", says=says)
        self.assertEqual(done.stdout, "")
        self.run_with(FINE, "double.pt", "--deadline", "60000")

    def test_more_workers_answer_alike(self):
        one = self.run_with(FINE, "double.pt", "--per-row", "--workers", "1")
        four = self.run_with(FINE, "double.pt", "--per-row", "--workers", "4")
        self.assertEqual(one.stdout, four.stdout)

    def test_without_rewrites_answers_alike(self):
        words = []
        for rewrite in [
            "constant-folding",
            "shared-subflows",
            "exclusive-branches",
            "filter-push-down",
            "dead-columns",
            "fuse-chains",
        ]:
            words += ["--without", rewrite]
        self.assertEqual(
            self.run_with(FINE, "double.pt").stdout, self.run_with(FINE, "double.pt", *words).stdout
        )

    def test_a_parameter(self):
        done = self.run_with(FINE, "double.pt", "--json", "--set", "limit=7")
        self.assertEqual([row["id"] for row in self.rows_of(done)], [3])
        self.run_with(USAGE, "double.pt", "--set", "limit=70", says="`limit` must be in")

    def test_interrupted(self):
        self.write("twice.flow", DOUBLE.replace("double.pt", "slow.pt"))
        self.write("rows.jsonl", ROWS.splitlines()[0] + "\n" + ROWS * 1000)
        words = [str(cli.CLI), "run", "twice.flow", "--rows", "rows.jsonl", "--per-row", "--json"]
        with subprocess.Popen(
            words, cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            first = process.stdout.readline()  # now requests are under way
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, REQUEST_FAILED, said)
        self.assertRegex(said, r"cancelled: \d+ of 3001 requests")
        self.assertLess(len(said.splitlines()), 10, said)
        for line in [first, *out.splitlines()]:  # what was done by then is whole
            json.loads(line)


SIZES = """edition 1

schema Row { id: i64, b: f32[M], c: f32[K] }

flow pairs(rows: { b: f32[M], c: f32[M + 1], ... }) -> { ..., m: f32 } {
  return rows |> derive(m = max(c))
}

flow sizes(rows: Row) -> { id: i64, m: f32 } {
  return rows |> pairs |> select(id, m)
}
"""


class SizesTest(CliTest):
    """Sizes that `check` cannot tell are compared when rows are there."""

    def run_rows(self, code, says, *rows):
        self.write("sizes.flow", SIZES)
        self.write("rows.jsonl", "".join(row + "\n" for row in rows))
        words = ["run", "sizes.flow", "sizes", "--rows", "rows.jsonl", "--json"]
        return self.ends(code, *words, says=says)

    def test_explain_lists_the_check(self):
        self.write("sizes.flow", SIZES)
        done = self.ends(FINE, "explain", "sizes.flow", "sizes")
        self.assertIn("check b.shape[0] + 1 == c.shape[0]", done.stdout)

    def test_rows_that_fit(self):
        rows = ['{"id":1,"b":[1.0],"c":[1.0,2.0]}', '{"id":2,"b":[1.0,3.0],"c":[1.0,2.0,4.0]}']
        done = self.run_rows(FINE, (), *rows)
        self.assertEqual(done.stdout, '{"id":1,"m":2}\n{"id":2,"m":4}\n')

    def test_the_rows_of_a_request_are_held_to_the_signature(self):
        self.write(
            "twice.flow",
            "edition 1\nflow twice(t: { id: i64, x: f32[2 * N], y: f32[N] }) -> { id: i64 } {\n"
            "  return t |> select(id)\n}\n",
        )
        words = ["run", "twice.flow", "--rows", "rows.jsonl"]
        self.write("rows.jsonl", '{"id":1,"x":[1,2],"y":[1]}\n{"id":2,"x":[1,2,3,4],"y":[1,2]}\n')
        self.ends(FINE, *words)
        self.write("rows.jsonl", '{"id":1,"x":[1,2],"y":[1]}\n{"id":2,"x":[1,2,3],"y":[1,2]}\n')
        says = ["row 2", "dimension 1 of `x` is 3, `N*2` is 4 (`N` is 2)"]
        self.ends(REQUEST_FAILED, *words, says=says)

    def test_of_what_nobody_reads_are_known(self):
        self.write(
            "boxed.flow",
            "edition 1\n"
            "fn fit(px: u8[H, W, 3]) -> (square: u8[8, 4, 3], scale: f32, offset: f32[2]) "
            '{ native: "image.letterbox" }\n'
            "flow boxed(t: { px: u8[H, W, 3] }) -> { scale: f32 } "
            "{ return t |> map(fit) |> select(scale) }\n",
        )
        self.write("rows.jsonl", json.dumps({"px": [[[1, 2, 3]] * 2] * 2}) + "\n")
        self.ends(FINE, "compile", "boxed.flow")
        for name in ["boxed.flow", "boxed.plan"]:
            done = self.ends(FINE, "run", name, "--rows", "rows.jsonl", "--json")
            self.assertEqual(done.stdout, '{"scale":2}\n')

    def test_a_row_that_does_not(self):
        rows = ['{"id":1,"b":[1.0],"c":[1.0,2.0]}', '{"id":2,"b":[1.0,3.0],"c":[1.0,2.0]}']
        says = [
            "check of sizes at sizes.flow:10:18",
            "row 2",
            "`pairs` wants `c: f32[M+1]`: `c` is [2] and `b` is [2]",
        ]
        self.run_rows(REQUEST_FAILED, says, *rows)


class PlanTest(CliTest):
    def setUp(self):
        super().setUp()
        self.write("twice.flow", DOUBLE)
        self.write("rows.jsonl", ROWS)
        self.ends(FINE, "compile", "twice.flow")
        self.plan = (self.dir / "twice.plan").read_text()
        self.rows = ["--rows", "rows.jsonl"]

    def run_plan(self, code, text, says=(), name="edited.plan"):
        self.write(name, text)
        return self.ends(code, "run", name, *self.rows, says=says)

    def test_runs_like_its_flow(self):
        self.assertEqual(
            self.ends(FINE, "run", "twice.plan", *self.rows).stdout,
            self.ends(FINE, "run", "twice.flow", *self.rows).stdout,
        )

    def test_the_same_bytes_twice(self):
        self.ends(FINE, "compile", "twice.flow", "-o", "again.plan")
        self.assertEqual((self.dir / "again.plan").read_text(), self.plan)
        self.assertEqual(self.ends(FINE, "compile", "twice.flow", "-o", "-").stdout, self.plan)
        # Wherever the flow lies.
        for name in ["twice.flow", "double.pt"]:
            (self.dir / "other").mkdir(exist_ok=True)
            shutil.copy(self.dir / name, self.dir / "other")
        self.ends(FINE, "compile", "other/twice.flow")
        self.assertEqual((self.dir / "other/twice.plan").read_text(), self.plan)
        # Wherever the command is called.
        flow = str(self.dir / "other" / "twice.flow")
        self.assertEqual(self.ends(FINE, "compile", flow, "-o", "-").stdout, self.plan)
        done = subprocess.run(
            [str(cli.CLI), "compile", "../twice.flow", "-o", "-"],
            cwd=self.dir / "other",
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.stdout, self.plan)

    def test_keeps_its_parameters(self):
        self.ends(FINE, "compile", "twice.flow", "--set", "limit=7", "-o", "seven.plan")
        done = self.ends(FINE, "run", "seven.plan", *self.rows, "--json")
        self.assertEqual([row["id"] for row in self.rows_of(done)], [3])
        self.ends(
            USAGE, "run", "twice.plan", *self.rows, "--set", "limit=7",
            says="--set, --params, --hint and --without go with a .flow file",
        )

    def test_another_flow_than_it_holds(self):
        says = "twice.plan holds the flow `twice`"
        self.ends(USAGE, "run", "twice.plan", "thrice", *self.rows, says=says)

    def test_paths_are_relative_to_it(self):
        self.write("other/twice.plan", self.plan)
        says = "cannot read `other/double.pt`"
        self.ends(MACHINE_LACKS, "run", "other/twice.plan", *self.rows, says=says)
        self.ends(FINE, "run", "other/twice.plan", "--base", ".", *self.rows)

    def test_truncated(self):
        for size in [0, 1, 100, 700, len(self.plan) - 3]:
            self.run_plan(FLOW_IS_WRONG, self.plan[:size], says="edited.plan: not a plan")

    def test_of_a_newer_format(self):
        text = self.plan.replace('"raceway_plan": 3', '"raceway_plan": 4')
        says = "edited.plan: the plan has format 4, this release reads up to 3"
        self.run_plan(FLOW_IS_WRONG, text, says=says)

    def test_of_an_older_format(self):
        text = self.plan.replace('"raceway_plan": 3', '"raceway_plan": 2')
        says = "edited.plan: the plan has format 2, of an older release: compile its flow again"
        self.run_plan(FLOW_IS_WRONG, text, says=says)

    def test_other_json(self):
        self.run_plan(FLOW_IS_WRONG, "{}", says="edited.plan: not a plan: has no `raceway_plan`")
        self.run_plan(FLOW_IS_WRONG, "[1, 2]", says="edited.plan: not a plan")
        self.run_plan(FLOW_IS_WRONG, bytes(range(256)), says="edited.plan: not a plan")

    def test_edited(self):
        for wrong, right, says in [
            ('["x", "x"]', '["x", "q"]', ["edited.plan: ", "map(double)", "`q`"]),
            ('"call": "gt"', '"call": "gtt"', ["filter at twice.flow:11:33", "`gtt`"]),
            ('"op": "filter"', '"op": "fliter"', ["`fliter`"]),
            ('{"stage": "double"}', '{"stage": "gone"}', ["edited.plan: "]),
            ('"raceway_plan": 3', '"raceway_plan": "one"', ["raceway_plan: wants an integer"]),
            ('"f32[2]"', '"f33[2]"', ["edited.plan: ", "f33[2]"]),
        ]:
            with self.subTest(right):
                self.assertIn(wrong, self.plan)
                self.run_plan(FLOW_IS_WRONG, self.plan.replace(wrong, right, 1), says=says)

    def test_a_model_changed_since(self):
        shutil.copy(self.dir / "triple.pt", self.dir / "double.pt")
        says = ["`double.pt` is not the file the plan was compiled with", "compile the flow again"]
        self.ends(MACHINE_LACKS, "run", "twice.plan", *self.rows, says=says)

    def test_a_file_of_a_function_changed_since(self):
        """Every file that a plan names is held to its hash, not only models."""
        self.write("labels.txt", "zero\none\n")
        self.write(
            "named.flow",
            """edition 1
fn name_of(index: i64) -> (label: string) { native: "labels.lookup", file: "labels.txt" }
flow named(rows: { index: i64 }) -> { label: string } {
  return rows |> map(name_of) |> select(label)
}
""",
        )
        self.write("index.jsonl", '{"index": 1}\n')
        self.ends(FINE, "compile", "named.flow")
        done = self.ends(FINE, "run", "named.plan", "--rows", "index.jsonl", "--json")
        self.assertEqual([{"label": "one"}], self.rows_of(done))
        self.write("labels.txt", "null\neins\n")
        says = ["`labels.txt` is not the file the plan was compiled with", "compile the flow again"]
        self.ends(MACHINE_LACKS, "run", "named.plan", "--rows", "index.jsonl", says=says)

    def test_a_model_that_may_not_be_as_large(self):
        text = (self.dir / "twice.flow").read_text().replace("double.pt", "heavy.pt")
        self.write("heavy.flow", text)
        self.ends(FINE, "run", "heavy.flow", *self.rows)
        self.write("bounded.flow", text.replace('"heavy.pt"', '"heavy.pt", load { memory: 4kB }'))
        says = ["model file heavy.pt: needs 8.2 kB of memory", "`load { memory }` allows 4.0 kB"]
        self.ends(MACHINE_LACKS, "run", "bounded.flow", *self.rows, says=says)

    def test_a_model_gone_since(self):
        (self.dir / "double.pt").unlink()
        says = "cannot read `double.pt`: No such file"
        self.ends(MACHINE_LACKS, "run", "twice.plan", *self.rows, says=says)

    def test_another_model_written_in(self):
        text = self.plan.replace("double.pt", "triple.pt")
        self.run_plan(MACHINE_LACKS, text, says="`triple.pt` is not the file the plan was compiled")

    def test_where_it_cannot_be_written(self):
        self.ends(
            MACHINE_LACKS, "compile", "twice.flow", "-o", "gone/x.plan",
            says="cannot write `gone/x.plan`: No such file or directory",
        )
        says = "cannot write `.`: it is a folder"
        self.ends(MACHINE_LACKS, "compile", "twice.flow", "-o", ".", says=says)
        self.assertEqual([path for path in self.dir.iterdir() if ".part" in path.name], [])

    def test_a_link_is_written_through(self):
        self.write("kept/real.plan", "old")
        (self.dir / "link.plan").symlink_to("kept/real.plan")
        self.ends(FINE, "compile", "twice.flow", "-o", "link.plan")
        self.assertTrue((self.dir / "link.plan").is_symlink())
        self.assertEqual((self.dir / "kept/real.plan").read_text(), self.plan)

    def test_a_device_is_written_into(self):
        self.ends(FINE, "compile", "twice.flow", "-o", "/dev/null")
        self.assertFalse(Path("/dev/null").is_file())

    def test_a_wrong_flow_leaves_the_old_plan(self):
        self.write("twice.flow", DOUBLE.replace("max(y)", "max(z)"))
        self.ends(FLOW_IS_WRONG, "compile", "twice.flow", says="no column `z`")
        self.assertEqual((self.dir / "twice.plan").read_text(), self.plan)


class PlaceTest(CliTest):
    """The flow in another folder: its files lie beside it."""

    def test_files_lie_beside_the_flow(self):
        self.write("flows/labels.flow", """edition 1
fn name(top: i64) -> (label: string) { native: "labels.lookup", file: "../labels/some.txt" }
flow labels(t: { top: i64 }) -> { top: i64, label: string } { return t |> map(name) }
""")
        self.write("labels/some.txt", "zero\none\nzwei ö\n")
        self.write("rows.jsonl", '{"top": 2}\n{"top": 0}\n')
        done = self.ends(FINE, "run", "flows/labels.flow", "--rows", "rows.jsonl", "--json")
        self.assertEqual([row["label"] for row in self.rows_of(done)], ["zwei ö", "zero"])
        self.write("rows.jsonl", '{"top": 0}\n{"top": 3}\n')
        self.ends(
            REQUEST_FAILED, "run", "flows/labels.flow", "--rows", "rows.jsonl",
            says=["map(name) at labels.flow:3:75", "row 2: "],
        )
        (self.dir / "labels/some.txt").unlink()
        self.ends(
            MACHINE_LACKS, "run", "flows/labels.flow", "--rows", "rows.jsonl",
            says=["flows/labels.flow:2:71", "some.txt`: No such file"],
        )


if __name__ == "__main__":
    cli.main()
