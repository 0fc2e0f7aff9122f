#!/usr/bin/env python3
"""`raceway fmt`: files, folders, standard input, and what it must leave alone."""

import os
import unittest

import cli
from cli import FINE, FLOW_IS_WRONG, USAGE, DOUBLE, CliTest

UGLY = "edition 1\nschema Row{id:i64,x:f32[2],}\n"
NEAT = "edition 1\n\nschema Row { id: i64, x: f32[2] }\n"
WRONG = "edition 1\nschema Row{id:}\n"


class FmtTest(CliTest):
    def text(self, name):
        return (self.dir / name).read_text()

    def test_it_explains_itself(self):
        text = self.ends(FINE, "fmt", "--help").stdout
        for part in ["FILE", "--check", "comments", "standard input"]:
            self.assertIn(part, text)

    def test_a_file_is_rewritten_and_named_once(self):
        self.write("a.flow", UGLY)
        self.assertEqual("a.flow\n", self.ends(FINE, "fmt", "a.flow").stdout)
        self.assertEqual(NEAT, self.text("a.flow"))
        self.assertEqual("", self.ends(FINE, "fmt", "a.flow").stdout)

    def test_check_writes_nothing(self):
        self.write("a.flow", UGLY)
        self.write("b.flow", NEAT)
        done = self.call("fmt", "--check", "a.flow", "b.flow")
        self.assertEqual((FLOW_IS_WRONG, "a.flow\n"), (done.returncode, done.stdout))
        self.assertEqual(UGLY, self.text("a.flow"))
        self.ends(FINE, "fmt", "--check", "b.flow")

    def test_a_folder_means_the_flows_below_it(self):
        self.write("flows/b/deep.flow", UGLY)
        self.write("flows/a.flow", UGLY)
        self.write("flows/notes.txt", UGLY)
        done = self.ends(FINE, "fmt", "flows")
        self.assertEqual("flows/a.flow\nflows/b/deep.flow\n", done.stdout)
        self.assertEqual(UGLY, self.text("flows/notes.txt"))
        self.assertEqual("", self.ends(FINE, "fmt", "--check", "flows").stdout)

    def test_a_folder_without_flows_is_a_mistake(self):
        (self.dir / "empty").mkdir()
        self.ends(USAGE, "fmt", "empty", says="no .flow file below `empty`")

    def test_standard_input_goes_to_standard_output(self):
        self.assertEqual(NEAT, self.ends(FINE, "fmt", "-", stdin=UGLY).stdout)
        self.assertEqual(FLOW_IS_WRONG, self.call("fmt", "--check", "-", stdin=UGLY).returncode)
        self.assertEqual("", self.ends(FINE, "fmt", "--check", "-", stdin=NEAT).stdout)

    def test_a_wrong_file_stays_and_harms_no_other(self):
        self.write("wrong.flow", WRONG)
        self.write("b.flow", UGLY)
        done = self.ends(FLOW_IS_WRONG, "fmt", "wrong.flow", "b.flow", says=["wrong.flow:2", "E0101"])
        self.assertEqual("b.flow\n", done.stdout)
        self.assertEqual(WRONG, self.text("wrong.flow"))
        self.assertEqual(NEAT, self.text("b.flow"))
        self.assertEqual("", self.call("fmt", "-", stdin=WRONG).stdout)

    def test_a_missing_edition_is_written(self):
        self.write("a.flow", "schema Row { id: i64 }\n")
        self.ends(FINE, "fmt", "a.flow")
        self.assertEqual("edition 1\n\nschema Row { id: i64 }\n", self.text("a.flow"))

    def test_the_mode_of_a_file_stays_and_a_link_stays_a_link(self):
        self.write("a.flow", UGLY)
        os.chmod(self.dir / "a.flow", 0o640)
        os.symlink("a.flow", self.dir / "link.flow")
        self.ends(FINE, "fmt", "link.flow")
        self.assertEqual(NEAT, self.text("a.flow"))
        self.assertTrue((self.dir / "link.flow").is_symlink())
        self.assertEqual(0o640, (self.dir / "a.flow").stat().st_mode & 0o777)

    def test_a_missing_file(self):
        self.ends(USAGE, "fmt", "missing.flow", says="missing.flow")

    def test_what_the_tests_use_is_neat(self):
        self.assertIn("model double(x: f32[2])", self.ends(FINE, "fmt", "-", stdin=DOUBLE).stdout)

    def test_a_large_file_takes_no_age(self):
        flow = "flow f{0}(rows: {{ id: i64 }}) -> {{ id: i64 }} {{ return rows |> filter(id>{0}) }}\n"
        text = "edition 1\n" + "".join(flow.format(i) for i in range(11000))
        self.assertGreater(len(text), 800_000)
        done = self.call("fmt", "-", stdin=text, timeout=60)
        self.assertEqual(FINE, done.returncode, done.stderr)
        self.assertEqual(33002, len(done.stdout.splitlines()))

    def test_a_file_that_would_grow_too_large_says_so(self):
        text = "edition 1\n" + "flow f(r: R) -> R { return r }\n" * 33000
        self.ends(FLOW_IS_WRONG, "fmt", "-", stdin=text, says="more than the limit of 1048576")


if __name__ == "__main__":
    cli.main()
