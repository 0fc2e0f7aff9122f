#!/usr/bin/env python3
"""Flows of several files, `--params` from a file, `--hint` from the command line."""

import hashlib
import json
import os
import shutil

import cli
from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, USAGE, CliTest

NAMES = """edition 1
param lowest: i64 in 0..100 = 2
param word: string = "low"
fn name(id: i64) -> (label: string) { native: "labels.lookup", file: "data/names.txt" }
flow named(t: { id: i64, ... }) -> { ..., id: i64, label: string } {
  return t |> filter(id >= lowest) |> map(name)
}
"""
MAIN = """edition 1
import names from "lib/names.flow"
param share: f32 in 0.0..1.0 = 0.5
param strict: bool = false
flow f(t: { id: i64, x: f32 }) -> { id: i64, label: string } {
  return t |> filter(x > share or strict) |> names.named |> select(id, label)
}
"""


class ModulesTest(CliTest):
    def setUp(self):
        super().setUp()
        self.write("flows/main.flow", MAIN)
        self.write("flows/lib/names.flow", NAMES)
        self.write("flows/lib/data/names.txt", "zero\none\ntwo\nthree\nfour\n")
        rows = [{"id": i, "x": i / 4} for i in range(5)]
        self.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    def run_main(self, *words, flow="flows/main.flow"):
        done = self.ends(FINE, "run", flow, "--rows", "rows.jsonl", "--json", *words)
        return [row["id"] for row in self.rows_of(done)]


class ImportTest(ModulesTest):
    def test_runs_what_it_imports(self):
        done = self.ends(FINE, "run", "flows/main.flow", "--rows", "rows.jsonl", "--json")
        labels = [(row["id"], row["label"]) for row in self.rows_of(done)]
        self.assertEqual(labels, [(3, "three"), (4, "four")])

    def test_a_plan_needs_the_files_but_not_the_text(self):
        self.ends(FINE, "compile", "flows/main.flow")
        plan = json.loads((self.dir / "flows/main.plan").read_text())
        expected = {
            "path": "lib/names.flow",
            "sha256": hashlib.sha256(NAMES.encode()).hexdigest(),
            "num_bytes": len(NAMES.encode()),
        }
        self.assertEqual(plan["sources"], [expected])
        self.assertEqual([file["path"] for file in plan["files"]], ["lib/data/names.txt"])
        (self.dir / "flows/lib/names.flow").unlink()
        self.assertEqual(self.run_main(flow="flows/main.plan"), [3, 4])
        (self.dir / "flows/lib/data/names.txt").unlink()
        self.ends(MACHINE_LACKS, "run", "flows/main.plan", "--rows", "rows.jsonl")

    def test_a_mistake_is_shown_where_it_is(self):
        self.write("flows/lib/names.flow", NAMES.replace("id >= lowest", "idd >= lowest"))
        self.ends(
            FLOW_IS_WRONG, "check", "flows/main.flow",
            says=["no column `idd` here", "--> flows/lib/names.flow:6:22", "1 error"],
        )
        done = self.call("check", "flows/main.flow", "--json")
        found = json.loads(done.stdout)["diagnostics"]
        self.assertEqual([d["file"] for d in found], ["flows/lib/names.flow"])

    def cannot_import(self, *says):
        self.ends(
            FLOW_IS_WRONG, "check", "flows/main.flow",
            says=["[E0605]", "--> flows/main.flow:2:19", *says],
        )
        self.ends(FLOW_IS_WRONG, "run", "flows/main.flow", "--rows", "rows.jsonl", says="[E0605]")

    def test_what_is_not_there(self):
        (self.dir / "flows/lib/names.flow").unlink()
        self.cannot_import("No such file")

    def test_a_folder(self):
        (self.dir / "flows/lib/names.flow").unlink()
        (self.dir / "flows/lib/names.flow").mkdir()
        self.cannot_import("it is a folder")

    def test_a_ring_of_links(self):
        path = self.dir / "flows/lib/names.flow"
        path.unlink()
        path.symlink_to("other.flow")
        (self.dir / "flows/lib/other.flow").symlink_to("names.flow")
        self.cannot_import("symbolic links")

    def test_a_pipe(self):
        (self.dir / "flows/lib/names.flow").unlink()
        os.mkfifo(self.dir / "flows/lib/names.flow")
        self.cannot_import("it is no file")

    def test_a_file_that_is_too_large(self):
        self.write("flows/lib/names.flow", NAMES + "//" + "x" * (1 << 20))
        self.cannot_import("larger than 1048576 bytes")

    def test_a_folder_that_links_to_itself(self):
        # Each `self/` is another path to the same file.
        self.write("flows/lib/names.flow", 'edition 1\nimport s from "self/names.flow"\n')
        (self.dir / "flows/lib/self").symlink_to(".")
        self.ends(
            FLOW_IS_WRONG, "check", "flows/main.flow",
            says=["[E0604]", "lib/names.flow → lib/names.flow", "--> flows/lib/names.flow:2:15"],
        )

    def test_the_main_file_closes_a_circle(self):
        self.write("flows/lib/names.flow", 'edition 1\nimport main from "../main.flow"\n' + NAMES[10:])
        self.ends(
            FLOW_IS_WRONG, "check", "flows/main.flow",
            says=["`main.flow` imports itself: main.flow → lib/names.flow → main.flow"],
        )

    def test_the_same_bytes_from_anywhere(self):
        self.ends(FINE, "compile", "flows/main.flow", "-o", "one.plan")
        shutil.copytree(self.dir / "flows", self.dir / "copy/of/it")
        self.ends(FINE, "compile", "copy/of/it/main.flow", "-o", "two.plan")
        self.assertEqual((self.dir / "one.plan").read_text(), (self.dir / "two.plan").read_text())


class ParamsTest(ModulesTest):
    def refused(self, text, *says):
        self.write("prod.toml", text)
        return self.ends(USAGE, "check", "flows/main.flow", "--params", "prod.toml", says=says)

    def wrong(self, text, *says):
        self.write("prod.toml", text)
        words = ["run", "flows/main.flow", "--rows", "rows.jsonl", "--params", "prod.toml"]
        return self.ends(USAGE, *words, says=["[E0603]", *says])

    def test_sets_parameters(self):
        self.write("prod.toml", "strict = true\n[names]\nlowest = 1\nword = \"high\"\n")
        self.assertEqual(self.run_main("--params", "prod.toml"), [1, 2, 3, 4])
        self.write("prod.toml", "share = 0\nnames.lowest = 0  # as one likes\n")
        self.assertEqual(self.run_main("--params", "prod.toml"), [1, 2, 3, 4])

    def test_set_wins(self):
        self.write("prod.toml", "share = 0.9\nnames.lowest = 0\n")
        self.assertEqual(self.run_main("--params", "prod.toml"), [4])
        self.assertEqual(self.run_main("--set", "share=0.2", "--params", "prod.toml"), [1, 2, 3, 4])

    def test_unknown_names(self):
        says = "prod.toml:2: `shar`: the file has no parameter of that name; did you mean `share`?"
        self.refused("strict = true\nshar = 0.5\n", says)
        self.refused("[names]\nlowst = 3\n", "`names.lowst`", "did you mean `names.lowest`?")

    def test_values_of_another_type(self):
        self.wrong('share = "0.9"\n', "prod.toml:1: wanted f32", "--> flows/main.flow:3:1")
        self.wrong("strict = 1\n", "prod.toml:1: wanted bool, found `1`")
        self.wrong("names.lowest = 2.5\n", "wanted i64, found `2.5`", "--> flows/lib/names.flow:2:1")
        self.wrong("names.word = true\n", "wanted string, found `true`")

    def test_values_out_of_range(self):
        self.wrong("share = 1.5\n", "`share` must be in 0.0..1.0, this is 1.5")
        self.wrong("[names]\nlowest = -1\n", "`lowest` must be in 0..100, this is -1")

    def test_what_is_no_parameter(self):
        says = "--params: prod.toml:1: `share` is no number, text, `true` or `false`"
        self.refused("share = [1, 2]\n", says)
        self.refused("share = 2026-11-01\n", says)

    def test_what_is_no_toml(self):
        self.refused("share = 1\nstrict : true\n", "--params: prod.toml:2: this is no TOML: ")
        self.refused(b"\xff\xfe\x00", "--params: prod.toml:1: this is no TOML: ")
        self.refused("share = 1\nshare = 2\n", "--params: prod.toml:2: this is no TOML: ")
        words = ["check", "flows/main.flow", "--params"]
        self.ends(USAGE, *words, "gone.toml", says="--params: cannot read `gone.toml`: No such file")
        self.ends(USAGE, *words, "flows", says="--params: cannot read `flows`: it is a folder")


class HintTest(ModulesTest):
    def test_is_in_the_plan(self):
        hint = "names.named/map.name.batch.max=16"
        words = ["explain", "flows/main.flow", "--emit", "physical", "--hint", hint]
        self.assertIn(
            f"hint batch.max = 16 (command line, --hint {hint})", self.ends(FINE, *words).stdout
        )
        words = ["compile", "flows/main.flow", "-o", "-", "--hint", "f.slo.p99=60ms"]
        plan = json.loads(self.ends(FINE, *words).stdout)
        said = {"origin": "command line", "where": "--hint f.slo.p99=60ms"}
        self.assertEqual(plan["slo"], [{"name": "p99", "value": 60000000, "text": "60ms", **said}])

    def test_changes_no_row(self):
        hints = ["--hint", "f/filter.fuse=false", "--hint", "names.named/map.name.batch.wait=4ms"]
        self.assertEqual(self.run_main(*hints), self.run_main())

    def test_wrong_addresses(self):
        self.ends(
            USAGE, "check", "flows/main.flow", "--hint", "f/fliter.fuse=true",
            says="--hint f/fliter.fuse=true: flow `f` has no step `fliter`; did you mean `filter`?",
        )
        self.ends(USAGE, "check", "flows/main.flow", "--hint", "fuse", says="wants flow/step.hint")


if __name__ == "__main__":
    cli.main()
