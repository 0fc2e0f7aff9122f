#!/usr/bin/env python3
"""`raceway check --fix`, SARIF, `explain CODE`, and sources made to break the front end."""

import json
import os
import unittest

import cli
from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, USAGE, DOUBLE, CliTest

COMMANDS = ["check", "explain", "compile", "fmt"]


class FixTest(CliTest):
    def fix(self, code, text, *words, says=()):
        self.write("test.flow", text)
        return self.ends(code, "check", "test.flow", "--fix", *words, says=says)

    def text(self):
        return (self.dir / "test.flow").read_text()

    def test_what_is_sure_is_written(self):
        wrong = DOUBLE.replace("|> filter", "| filtre").replace("edition 1\n", "")
        done = self.fix(FINE, wrong)
        self.assertEqual(
            "fixed test.flow:10:30: `|` is not a sign of the language [E0103]\n"
            "fixed test.flow:10:33: no operator or flow `filtre` [E0201]\n"
            "fixed test.flow:1:1: the file does not say its edition; read as edition 1 [E0602]\n"
            "test.flow: fine, 1 flow\n",
            done.stdout,
        )
        self.assertIn("|> filter(max(y) > limit)", self.text())
        self.assertTrue(self.text().startswith("edition 1\n"))
        self.assertEqual("test.flow: fine, 1 flow\n", self.fix(FINE, self.text()).stdout)

    def test_what_is_not_sure_is_left(self):
        wrong = DOUBLE.replace("max(y)", "max(y) * 7 % 2").replace("model double", "modle double")
        done = self.fix(FLOW_IS_WRONG, wrong, says=["error[E0103]", "test.flow: 1 error"])
        self.assertIn("fixed test.flow:6:1: expected an item, found `modle` [E0101]\n", done.stdout)
        self.assertIn("model double", self.text())
        self.assertIn("* 7 % 2", self.text())

    def test_a_file_without_fixes_is_not_written(self):
        self.write("test.flow", DOUBLE)
        os.utime(self.dir / "test.flow", (1, 1))
        self.ends(FINE, "check", "test.flow", "--fix")
        self.assertEqual(1, (self.dir / "test.flow").stat().st_mtime)

    def test_the_mode_and_the_line_ends_stay(self):
        self.write("test.flow", DOUBLE.replace("map(double)", "map(duoble)").replace("\n", "\r\n"))
        (self.dir / "test.flow").chmod(0o640)
        self.ends(FINE, "check", "test.flow", "--fix")
        self.assertEqual(
            DOUBLE.replace("\n", "\r\n").encode(), (self.dir / "test.flow").read_bytes()
        )
        self.assertEqual(0o640, (self.dir / "test.flow").stat().st_mode & 0o777)
        self.assertEqual([], list(self.dir.glob("*.part*")))

    @unittest.skipIf(os.geteuid() == 0, "root writes everywhere")
    def test_a_folder_that_may_not_be_written(self):
        self.write("test.flow", DOUBLE.replace("map(double)", "map(duoble)"))
        self.dir.chmod(0o500)
        self.addCleanup(self.dir.chmod, 0o700)
        self.ends(MACHINE_LACKS, "check", "test.flow", "--fix", says="test.flow")
        self.assertIn("duoble", self.text())

    def test_json_says_what_was_fixed(self):
        self.write("test.flow", DOUBLE.replace("map(double)", "map(duoble)"))
        out = json.loads(self.ends(FINE, "check", "test.flow", "--fix", "--json").stdout)
        self.assertTrue(out["ok"])
        self.assertEqual([], out["diagnostics"])
        self.assertEqual(
            [{"code": "E0201", "message": "no model or function `duoble`",
              "help": "did you mean `double`?", "line": 11, "column": 22}],
            out["fixed"],
        )

    def test_json_has_the_edits(self):
        self.write("test.flow", DOUBLE.replace("map(double)", "map(duoble)"))
        done = self.call("check", "test.flow", "--json")
        (wrong,) = json.loads(done.stdout)["diagnostics"]
        self.assertEqual(
            [{"replacement": "double", "file": "test.flow", "line": 11, "column": 22,
              "end_line": 11, "end_column": 28}],
            wrong["edits"],
        )

    def test_many_fixes_take_no_age(self):
        step = "flow f{0}(t: {{ id: i64 }}) -> {{ id: i64 }} {{ return t |> filter(id > {0} && id > 0); }}\n"
        self.write("test.flow", "edition 1\n" + "".join(step.format(i) for i in range(3000)))
        done = self.call("check", "test.flow", "--fix", timeout=60)
        self.assertEqual(FINE, done.returncode, done.stderr)
        self.assertEqual(6001, len(done.stdout.splitlines()))


class FolderTest(CliTest):
    """`raceway check FOLDER`: all flows below it."""

    WRONG = DOUBLE.replace("max(y)", "max(z)")
    USES = """edition 1
import lib from "{}"
flow again(rows: {{ id: i64, name: string, x: f32[2] }}) -> {{ id: i64, name: string, y: f32[2] }} {{
  return rows |> lib.twice
}}
"""

    def setUp(self):
        super().setUp()
        self.write("flows/b.flow", DOUBLE)
        self.write("flows/a/deep.flow", DOUBLE)
        self.write("flows/notes.txt", self.WRONG)

    def test_all_of_them_sorted(self):
        done = self.ends(FINE, "check", "flows")
        self.assertEqual(
            "flows/a/deep.flow: fine, 1 flow\nflows/b.flow: fine, 1 flow\nflows: 2 files, all fine\n",
            done.stdout,
        )

    def test_a_mistake_in_one(self):
        self.write("flows/a.flow", self.WRONG)
        done = self.ends(
            FLOW_IS_WRONG, "check", "flows",
            says=["flows/a.flow:11:44", "flows/a.flow: 1 error\n", "flows: 3 files, 2 fine\n"],
        )  # fmt: skip
        self.assertIn("flows/b.flow: fine, 1 flow\n", done.stdout)

    def test_the_worst_counts(self):
        self.write("flows/b.flow", DOUBLE.replace("double.pt", "gone.pt"))
        self.write("flows/a/deep.flow", DOUBLE.replace("double.pt", "../../double.pt"))
        self.ends(MACHINE_LACKS, "check", "flows", "--models", says="flows: 2 files, 1 fine")
        self.write("flows/c.flow", self.WRONG.replace("double.pt", "../double.pt"))
        self.ends(FLOW_IS_WRONG, "check", "flows", "--models", says=["E0801", "E0203"])
        self.write("flows/d.flow", "edition 1\n")
        said = self.ends(USAGE, "check", "flows", "--set", "limit=1", says="E0203").stderr
        self.assertIn("flows/d.flow: --set limit: the file has no parameter of that name", said)

    def test_what_several_import_is_said_once(self):
        self.write("flows/lib.flow", self.WRONG)
        self.write("flows/a.flow", self.USES.format("lib.flow"))
        self.write("flows/a/more.flow", self.USES.format("../lib.flow"))
        said = self.ends(FLOW_IS_WRONG, "check", "flows").stderr
        self.assertEqual(1, said.count("no column `z`"), said)
        for file in ["a.flow", "a/more.flow", "lib.flow"]:
            self.assertIn(f"flows/{file}: 1 error\n", said)

    def test_for_machines(self):
        self.write("flows/a.flow", self.WRONG)
        done = self.call("check", "flows", "--json")
        self.assertEqual((FLOW_IS_WRONG, ""), (done.returncode, done.stderr))
        out = json.loads(done.stdout)
        self.assertEqual(("flows", False), (out["folder"], out["ok"]))
        found = [(f["file"], f["ok"], [d["code"] for d in f["diagnostics"]]) for f in out["files"]]
        self.assertEqual(
            [("flows/a.flow", False, ["E0203"]), ("flows/a/deep.flow", True, []),
             ("flows/b.flow", True, [])],
            found,
        )  # fmt: skip

    def test_one_log_for_code_hosts(self):
        self.write("flows/lib.flow", self.WRONG.replace("edition 1\n", ""))
        self.write("flows/a.flow", self.USES.format("lib.flow"))
        self.write("flows/z.flow", DOUBLE.replace("map(double)", "map(duoble)"))
        done = self.call("check", "flows", "--sarif")
        self.assertEqual(FLOW_IS_WRONG, done.returncode)
        (run,) = json.loads(done.stdout)["runs"]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        self.assertEqual(["E0201", "E0203", "E0602"], rules)
        found = [
            (r["ruleId"], r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
            for r in run["results"]
        ]
        self.assertEqual(
            [("E0201", "flows/z.flow"), ("E0203", "flows/lib.flow"), ("E0602", "flows/lib.flow")],
            sorted(found),
        )
        for result in run["results"]:
            self.assertEqual(result["ruleId"], rules[result["ruleIndex"]])

    def test_each_is_mended(self):
        self.write("flows/b.flow", DOUBLE.replace("map(double)", "map(duoble)"))
        self.write("flows/a/deep.flow", DOUBLE.replace("edition 1\n", ""))
        done = self.ends(FINE, "check", "flows", "--fix")
        self.assertIn("fixed flows/b.flow:11:22", done.stdout)
        self.assertEqual(DOUBLE, (self.dir / "flows/b.flow").read_text())
        self.assertIn("edition 1", (self.dir / "flows/a/deep.flow").read_text())

    def test_none_in_it(self):
        (self.dir / "empty").mkdir()
        self.ends(USAGE, "check", "empty", says="there is no .flow file below `empty`")

    def test_links_in_a_circle(self):
        os.symlink("..", self.dir / "flows/a/up")
        self.ends(FINE, "check", "flows")


class SarifTest(CliTest):
    def test_a_log_with_what_a_host_needs(self):
        self.write("a b.flow", DOUBLE.replace("map(double)", "map(duoble)").replace("edition 1", ""))
        done = self.call("check", "a b.flow", "--sarif")
        self.assertEqual(FLOW_IS_WRONG, done.returncode)
        log = json.loads(done.stdout)
        self.assertEqual("2.1.0", log["version"])
        (run,) = log["runs"]
        self.assertEqual("raceway", run["tool"]["driver"]["name"])
        self.assertEqual(["E0201", "E0602"], [rule["id"] for rule in run["tool"]["driver"]["rules"]])
        levels = [(result["ruleId"], result["level"]) for result in run["results"]]
        self.assertEqual([("E0602", "warning"), ("E0201", "error")], levels)
        place = run["results"][1]["locations"][0]["physicalLocation"]
        self.assertEqual("a%20b.flow", place["artifactLocation"]["uri"])
        self.assertEqual(11, place["region"]["startLine"])

    def test_nothing_wrong_is_a_log_without_results(self):
        self.write("a.flow", DOUBLE)
        (run,) = json.loads(self.ends(FINE, "check", "a.flow", "--sarif").stdout)["runs"]
        self.assertEqual([], run["results"])

    def test_one_form_at_a_time(self):
        self.write("a.flow", DOUBLE)
        self.ends(USAGE, "check", "a.flow", "--sarif", "--json", says="--json")


class ExplainCodeTest(CliTest):
    def test_a_code(self):
        text = self.ends(FINE, "explain", "E0301").stdout
        self.assertTrue(text.startswith("# E0301 type-mismatch\n"), text)
        self.assertIn("## Wrong", text)
        self.assertIn("## Right", text)
        self.assertEqual(text, self.ends(FINE, "explain", "e0301").stdout)
        self.assertEqual(text, self.ends(FINE, "explain", "type-mismatch").stdout)

    def test_all_codes(self):
        lines = self.ends(FINE, "explain", "codes").stdout.splitlines()
        self.assertGreater(len(lines), 25)
        for line in lines:
            self.assertRegex(line, r"^[EW]\d{4}  [a-z0-9-]+ +(error|warning|note)$")

    def test_every_code_of_the_list_has_a_text(self):
        for entry in json.loads(self.ends(FINE, "explain", "codes", "--json").stdout):
            out = json.loads(self.ends(FINE, "explain", entry["code"], "--json").stdout)
            self.assertIn(entry["name"], out["explanation"])

    def test_an_unknown_code(self):
        self.ends(USAGE, "explain", "E0310", says=["no code `E0310`", "did you mean", "`E0301`"])
        self.ends(USAGE, "explain", "E9", says=["no code `E9`", "raceway explain codes"])

    def test_a_file_of_that_name_is_a_file(self):
        self.write("E0301", DOUBLE)
        self.assertIn("flow twice", self.ends(FINE, "explain", "E0301").stdout)


class HostileSourceTest(CliTest):
    """Whatever is in a file: an answer, soon."""

    def every_command(self, content, says, code=FLOW_IS_WRONG):
        self.write("test.flow", content)
        for command in COMMANDS:
            self.ends(code, command, "test.flow", says=says)
        self.assertEqual(
            content.encode() if isinstance(content, str) else content,
            (self.dir / "test.flow").read_bytes(),
        )

    def test_bad_utf8(self):
        self.every_command(b"edition 1\n// caf\xe9\n", "error[E0002]")

    def test_utf16(self):
        self.every_command(DOUBLE.encode("utf-16"), "error[E0002]")

    def test_nul(self):
        self.every_command(b"edition 1\n\0\n", "is NUL: this is not a text file")

    def test_a_byte_order_mark_and_both_line_ends(self):
        for text in ["\ufeff" + DOUBLE, DOUBLE.replace("\n", "\r\n")]:
            self.write("test.flow", text)
            for command in ["check", "explain", "fmt"]:
                self.ends(FINE, command, "test.flow")
            self.assertNotIn(b"\r", (self.dir / "test.flow").read_bytes())

    def test_a_file_over_the_limit(self):
        self.every_command("edition 1\n" + "// a comment\n" * 100000, "error[E0001]")

    def test_a_hundred_thousand_brackets(self):
        for bracket in "([{":
            text = "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } { return t |> filter("
            self.every_command(text + bracket * 100000, "error[E0003]")

    def test_a_hundred_thousand_signs(self):
        for word in ["not ", "-", "if ", "|> ", "a.", "f\"{", "/*", "\"\"\"", "{}", "],", "`"]:
            text = "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } { return t |> filter("
            self.write("test.flow", text + word * 100000)
            self.ends(FLOW_IS_WRONG, "check", "test.flow", says="error[")

    def test_a_folder(self):
        for command in ["explain", "compile"]:
            self.ends(USAGE, command, ".", says="it is a folder")

    def test_links_in_a_circle(self):
        os.symlink("b.flow", self.dir / "a.flow")
        os.symlink("a.flow", self.dir / "b.flow")
        for command in COMMANDS:
            self.ends(USAGE, command, "a.flow", says="cannot read `a.flow`: Too many levels")

    def test_folders_in_a_circle(self):
        (self.dir / "flows").mkdir()
        self.write("flows/a.flow", DOUBLE)
        os.symlink(".", self.dir / "flows" / "again")
        self.ends(FINE, "fmt", "flows")

    def test_an_empty_folder_name_and_an_empty_word(self):
        for command in ["check", "explain", "compile"]:
            self.ends(USAGE, command, "", says="cannot read ``")

    @unittest.skipUnless(hasattr(os, "mkfifo"), "no pipes here")
    def test_a_pipe_that_ends(self):
        done = self.call("check", "/dev/stdin", stdin=DOUBLE)
        self.assertIn(done.returncode, (FINE, USAGE), done.stderr)


if __name__ == "__main__":
    cli.main()
