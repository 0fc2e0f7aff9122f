#!/usr/bin/env python3
"""What `raceway` is called with: help, wrong calls, `check`, `explain`, and `--json` everywhere."""

import json
import os
import resource
import subprocess
import unittest

import cli
from cli import FINE, FLOW_IS_WRONG, USAGE, MACHINE_LACKS, DOUBLE, ROWS, CliTest


class HelpTest(CliTest):
    def test_every_command_explains_itself(self):
        top = self.ends(FINE, "--help").stdout
        for command in ["check", "explain", "compile", "run"]:
            self.assertRegex(top, rf"(?m)^  {command} ")
            text = self.ends(FINE, command, "--help").stdout
            self.assertIn("FILE", text)
            self.assertIn("--json", text)
            self.assertIn("--set", text)
            self.assertGreater(len(text.splitlines()), 8)

    def test_the_help_names_the_exit_codes(self):
        text = self.ends(FINE, "--help").stdout
        for words in ["0 fine", "1 the flow is wrong", "2 usage", "3 a request failed", "4 the"]:
            self.assertIn(words, text)

    def test_the_help_fits_a_terminal(self):
        for words in [["--help"], ["check", "--help"], ["explain", "--help"], ["run", "--help"]]:
            for line in self.ends(FINE, *words).stdout.splitlines():
                self.assertLessEqual(len(line), 120, line)

    def test_the_help_lists_every_rewrite(self):
        self.write("twice.flow", DOUBLE)
        said = self.ends(USAGE, "explain", "twice.flow", "--without", "x").stderr
        rewrites = said.split("there are: ")[1].strip()
        self.assertIn(rewrites, " ".join(self.ends(FINE, "run", "--help").stdout.split()))

    def test_the_version_is_one_line(self):
        self.assertRegex(self.ends(FINE, "--version").stdout, r"^raceway \d+\.\d+\.\d+\n$")


class UsageTest(CliTest):
    def setUp(self):
        super().setUp()
        self.write("twice.flow", DOUBLE)
        self.write("rows.jsonl", ROWS)

    def test_no_command(self):
        self.ends(USAGE, says="say what to do: check, fmt, explain, compile, diff, run, lsp, plugin, test, store, repack or load")

    def test_no_command_of_a_command(self):
        self.ends(USAGE, "store", says=["say what to do: load, get or stats", "raceway store --help"])
        self.ends(USAGE, "store", "nope", says=["no command `nope`: load, get or stats"])
        self.ends(USAGE, "store", "stats", says="raceway store stats --help")

    def test_unknown_command(self):
        self.ends(USAGE, "chekc", "twice.flow", says="no command `chekc`")

    def test_unknown_flag(self):
        self.ends(USAGE, "check", "twice.flow", "--frob", says=["--frob", "raceway check --help"])

    def test_no_file(self):
        self.ends(USAGE, "check", says="FILE is required")

    def test_a_file_that_is_not_there(self):
        for command in ["check", "explain", "compile"]:
            self.ends(USAGE, command, "gone.flow", says="cannot read `gone.flow`: No such file")
        for rows in [["--rows", "rows.jsonl"], []]:  # it is said before the rows that are not there
            self.ends(USAGE, "run", "gone.flow", *rows, says="cannot read `gone.flow`: No such file")
            self.ends(USAGE, "run", "gone.plan", *rows, says="cannot read `gone.plan`: No such file")

    def test_a_folder_as_file(self):
        self.ends(USAGE, "explain", ".", says="cannot read `.`: it is a folder")
        self.ends(USAGE, "run", "twice.flow", "--rows", ".", says="cannot read `.`: it is a folder")

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_a_file_that_may_not_be_read(self):
        (self.dir / "twice.flow").chmod(0)
        self.ends(USAGE, "check", "twice.flow", says="Permission denied")

    def test_unknown_flow(self):
        for words in [["explain"], ["compile"], ["run", "--rows", "rows.jsonl"]]:
            self.ends(
                USAGE, words[0], "twice.flow", "twcie", *words[1:],
                says="twice.flow: no flow `twcie`, did you mean `twice`?; the file has: twice",
            )

    def test_several_flows_none_of_them_called_like_the_file(self):
        flow = "flow {}(t: {{ x: i64 }}) -> {{ x: i64 }} {{ return t }}\n"
        text = "edition 1\n" + flow.format("cat") + flow.format("dog")
        self.write("animals.flow", text)
        says = "say which flow is meant; the file has: cat, dog"
        self.ends(USAGE, "explain", "animals.flow", says=says)
        self.ends(USAGE, "run", "animals.flow", "--rows", "rows.jsonl", says=says)
        self.write("dog.flow", text)
        self.assertIn("flow dog\n", self.ends(FINE, "explain", "dog.flow").stdout)
        self.assertIn("flow cat\n", self.ends(FINE, "explain", "dog.flow", "cat").stdout)

    def test_no_flow_at_all(self):
        self.write("none.flow", "edition 1\nschema Row { id: i64 }\n")
        self.ends(FINE, "check", "none.flow")
        self.ends(USAGE, "explain", "none.flow", says="the file has no flow")

    def test_no_rows(self):
        says = "say where the rows of `rows` come from: --rows FILE, or --each COLUMN=PATTERN"
        self.ends(USAGE, "run", "twice.flow", says=says)

    def test_rows_twice(self):
        words = ["--rows", "rows.jsonl", "--each", "x=*"]
        self.ends(USAGE, "run", "twice.flow", *words, says="either --rows FILE or --each")

    def test_unknown_parameter(self):
        self.ends(
            USAGE, "check", "twice.flow", "--set", "limt=3",
            says="--set limt: the file has no parameter of that name; did you mean `limit`?",
        )

    def test_a_setting_without_a_value(self):
        says = "--set wants name=value, this is `limit`"
        self.ends(USAGE, "check", "twice.flow", "--set", "limit", says=says)

    def test_unknown_rewrite(self):
        self.ends(
            USAGE, "explain", "twice.flow", "--without", "fuse",
            says="no rewrite `fuse`; there are: constant-folding, shared-subflows, exclusive-branches, "
            "merge-branches, filter-push-down, exclusive-routes, lookup-beside-consumer, "
            "dead-columns, narrow-copies, prefetch-lookups, fuse-chains"
        )

    def test_unknown_value_to_print(self):
        self.ends(USAGE, "explain", "twice.flow", "--emit", "graph", says="--emit")

    def test_numbers_out_of_range(self):
        rows = ["--rows", "rows.jsonl"]
        self.ends(USAGE, "run", "twice.flow", *rows, "--workers", "0", says="--workers")
        self.ends(USAGE, "run", "twice.flow", *rows, "--deadline", "-1", says="--deadline")
        self.ends(USAGE, "run", "twice.flow", *rows, "--deadline", "soon", says="--deadline")

    def test_base_goes_with_a_plan(self):
        words = ["--rows", "rows.jsonl", "--base", "."]
        self.ends(USAGE, "run", "twice.flow", *words, says="--base goes with a .plan file")


class CheckTest(CliTest):
    def check(self, code, text, says=()):
        self.write("test.flow", text)
        return self.ends(code, "check", "test.flow", says=says)

    def test_fine(self):
        self.assertEqual(self.check(FINE, DOUBLE).stdout, "test.flow: fine, 1 flow\n")

    def test_no_model_needs_to_be_there(self):
        self.check(FINE, DOUBLE.replace("double.pt", "gone.pt"))

    def test_wrong_column_name(self):
        said = self.check(FLOW_IS_WRONG, DOUBLE.replace("max(y)", "max(z)")).stderr
        self.assertIn("error[E0203]: no column `z` here\n  --> test.flow:11:44\n", said)
        self.assertIn("`map(double)` gives (id: i64, name: string, x: f32[2], y: f32[2])", said)
        self.assertTrue(said.endswith("test.flow: 1 error\n"), said)

    def test_wrong_shape(self):
        text = DOUBLE.replace("model double(x: f32[2])", "model double(x: f32[3])")
        self.check(
            FLOW_IS_WRONG, text,
            says=["error[E0302]: `double` wants `x: f32[3]`, this row has `x: f32[2]`",
                  "test.flow:11:22"],
        )

    def test_syntax_error(self):
        text = DOUBLE.replace("|> filter(", "| filter(")
        self.check(FLOW_IS_WRONG, text, says=["test.flow:11:30", "steps are joined by `|>`"])

    def test_a_parameter_out_of_range(self):
        self.write("twice.flow", DOUBLE)
        self.ends(
            USAGE, "check", "twice.flow", "--set", "limit=11",
            says=["`limit` must be in 0.0..10.0, this is 11.0", "twice.flow:4:1"],
        )
        done = self.call("check", "twice.flow", "--set", "limit=11", "--json")
        self.assertEqual(USAGE, done.returncode, done.stderr)
        (said,) = json.loads(done.stdout)["diagnostics"]
        self.assertEqual(("E0603", 4), (said["code"], said["line"]))

    def test_a_value_that_does_not_suit_is_a_mistake_of_the_call(self):
        self.write("twice.flow", DOUBLE)
        for command in ["check", "explain", "compile"]:
            for wrong in ["limit=11", "limit=much", "limt=1"]:
                self.ends(USAGE, command, "twice.flow", "--set", wrong, says=f"--set {wrong[:4]}")
        # One that the file itself has wrong is a mistake of the file.
        self.write("twice.flow", DOUBLE.replace("= 0.0", "= 11.0"))
        self.ends(FLOW_IS_WRONG, "check", "twice.flow", says="this is 11.0")
        self.ends(FINE, "check", "twice.flow", "--set", "limit=1")

    def test_a_warning_is_no_error(self):
        done = self.check(FINE, DOUBLE.replace("edition 1\n", ""))
        self.assertIn("warning[E0602]", done.stderr)
        self.assertEqual(done.stdout, "test.flow: fine, 1 flow, 1 remark\n")

    def test_binary_garbage(self):
        self.write("test.flow", bytes(range(256)) * 40)
        said = self.ends(FLOW_IS_WRONG, "check", "test.flow").stderr
        self.assertIn("error[E0002]", said)
        self.assertTrue(said.endswith("test.flow: 1 error\n"), said)
        said.encode()  # and what is printed of it is UTF-8

    def test_a_file_of_two_megabytes(self):
        self.write("test.flow", "edition 1\n" + "// a comment\n" * 170000)
        self.ends(FLOW_IS_WRONG, "check", "test.flow", says="error[E0001]")

    def test_an_empty_file(self):
        self.assertIn("E0602", self.check(FINE, "").stderr)

    def test_a_plan(self):
        self.write("twice.flow", DOUBLE)
        self.ends(FINE, "compile", "twice.flow")
        for command in ["check", "explain", "compile"]:
            self.ends(USAGE, command, "twice.plan", says="`twice.plan` is a compiled plan")

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_a_full_disk(self):
        self.write("twice.flow", DOUBLE)
        for words in [["check"], ["explain"], ["compile", "-o", "-"], ["check", "--json"]]:
            with open("/dev/full", "w") as full:
                done = subprocess.run(
                    [str(cli.CLI), words[0], "twice.flow", *words[1:]],
                    cwd=self.dir, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                )
            self.assertEqual(done.returncode, MACHINE_LACKS, f"{words}: {done.stderr}")
            self.assertIn("cannot write the output", done.stderr)

    def test_a_disk_that_fills_up_leaves_the_plan_of_before(self):
        """A limit on the size of files stands for it: writing fails just so."""
        self.write("twice.flow", DOUBLE)
        self.ends(FINE, "compile", "twice.flow")
        before = (self.dir / "twice.plan").read_bytes()
        self.write("twice.flow", DOUBLE.replace("max(y)", "min(y)"))
        names = sorted(path.name for path in self.dir.iterdir())
        done = subprocess.run(
            [str(cli.CLI), "compile", "twice.flow"], cwd=self.dir, capture_output=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)), timeout=60,
        )
        self.assertEqual(done.returncode, MACHINE_LACKS, done.stderr)
        self.assertIn("cannot write `twice.plan`: File too large", done.stderr)
        self.assertEqual((self.dir / "twice.plan").read_bytes(), before)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), names)

    def test_from_another_folder(self):
        self.write("flows/test.flow", DOUBLE.replace("max(y)", "max(z)"))
        self.ends(FLOW_IS_WRONG, "check", "flows/test.flow", says="flows/test.flow:11:44")


class ExplainTest(CliTest):
    def test_each_value_on_the_way(self):
        self.write("twice.flow", DOUBLE)
        texts = set()
        for emit in ["syntax", "logical", "optimized", "physical"]:
            texts.add(self.ends(FINE, "explain", "twice.flow", "--emit", emit).stdout)
        self.assertEqual(len(texts), 4)

    def test_no_model_needs_to_be_there(self):
        self.write("twice.flow", DOUBLE.replace("double.pt", "gone.pt"))
        done = self.ends(FINE, "explain", "twice.flow", "--emit", "physical")
        self.assertIn("gone.pt", done.stdout)

    def test_a_wrong_flow(self):
        self.write("twice.flow", DOUBLE.replace("max(y)", "max(z)"))
        self.ends(FLOW_IS_WRONG, "explain", "twice.flow", says="no column `z` here")

    def test_without_a_rewrite(self):
        self.write("twice.flow", DOUBLE)
        words = ["explain", "twice.flow", "--without", "fuse-chains"]
        self.assertIn("filter <- double", self.ends(FINE, *words).stdout)


class JsonTest(CliTest):
    def test_check(self):
        self.write("good.flow", DOUBLE)
        self.assertEqual(
            json.loads(self.ends(FINE, "check", "good.flow", "--json").stdout),
            {"file": "good.flow", "ok": True, "diagnostics": []},
        )
        self.write("bad.flow", DOUBLE.replace("max(y)", "max(z)"))
        done = self.call("check", "bad.flow", "--json")
        self.assertEqual(done.returncode, FLOW_IS_WRONG)
        self.assertEqual(done.stderr, "")
        said = json.loads(done.stdout)
        self.assertFalse(said["ok"])
        self.assertEqual(len(said["diagnostics"]), 1)
        one = said["diagnostics"][0]
        self.assertEqual((one["code"], one["line"], one["column"]), ("E0203", 11, 44))
        self.assertEqual(one["severity"], "error")

    def test_explain(self):
        self.write("twice.flow", DOUBLE)
        for emit in ["syntax", "logical", "optimized"]:
            words = ["explain", "twice.flow", "--emit", emit]
            said = json.loads(self.ends(FINE, *words, "--json").stdout)
            plain = self.ends(FINE, *words).stdout
            self.assertEqual((said["emit"], said["text"]), (emit, plain))
        words = ["explain", "twice.flow", "--emit", "physical", "--json"]
        plan = json.loads(self.ends(FINE, *words).stdout)
        self.assertEqual(plan["flow"], "twice")

    def test_compile(self):
        self.write("twice.flow", DOUBLE)
        said = json.loads(self.ends(FINE, "compile", "twice.flow", "--json").stdout)
        self.assertEqual(
            said, {"plan": "twice.plan", "flow": "twice", "stages": 1, "files": ["double.pt"]}
        )
        self.assertEqual(json.loads((self.dir / "twice.plan").read_text())["flow"], "twice")
        (self.dir / "other").mkdir()
        done = self.ends(FINE, "compile", "twice.flow", "-o", "other/t.plan")
        self.assertIn("raceway run other/t.plan --base .\n", done.stdout)
        self.ends(USAGE, "compile", "twice.flow", "-o", "twice.flow", says="would be written over")
        self.assertEqual((self.dir / "twice.flow").read_text(), DOUBLE)

    def test_run(self):
        self.write("twice.flow", DOUBLE)
        self.write("rows.jsonl", ROWS)
        done = self.ends(FINE, "run", "twice.flow", "--rows", "rows.jsonl", "--json")
        self.assertEqual(
            self.rows_of(done),
            [{"id": 1, "name": "one", "y": [3, 6]}, {"id": 3, "name": "three", "y": [1, 201]}],
        )


if __name__ == "__main__":
    cli.main()
