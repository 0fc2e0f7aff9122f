#!/usr/bin/env python3
"""`raceway check --models`: what flows say of models against what the files say."""

import hashlib
import json
import unittest

import cli
from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, USAGE, CliTest


def flow(*models):
    return "edition 1\n\n" + "\n".join(models) + "\n"


class ModelsTest(CliTest):
    def check(self, code, *models, words=(), says=()):
        self.write("test.flow", flow(*models))
        return self.ends(code, "check", "test.flow", "--models", *words, says=says)

    def messages(self, code, *models, words=()):
        """Line:column, code and message of each diagnostic."""
        self.write("test.flow", flow(*models))
        done = self.call("check", "test.flow", "--models", "--json", *words)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return [
            f"{d['line']}:{d['column']} {d['code']} {d['message']}"
            for d in json.loads(done.stdout)["diagnostics"]
        ]

    def sidecar(self, name, inputs, outputs, **more):
        as_list = lambda columns: [{"name": n, "type": t} for n, t in columns.items()]
        content = {"inputs": as_list(inputs), "outputs": as_list(outputs), **more}
        self.write(name + ".json", json.dumps(content))


class DryRunTest(ModelsTest):
    def test_right_declarations_are_fine(self):
        done = self.check(
            FINE,
            'model a(x: f32[8]) -> (y: f32[8]) { source: "double.pt" }',
            'model b(x: f32[N]) -> (y: f32[N]) { source: "double.pt" }',
            'model c(x: f64[2, K]) -> (y: f64[2, K]) { source: "double.pt" }',
            'model d(x: f32[N]) -> (y: f32[2*N]) { source: "longer.pt" }',
            'model e(x: f32[N]) -> (box: f32[N, 4], cls: i64[N]) { source: "boxes.pt" }',
            'model f(x: f32[N]) -> (box: f32[M, 4], cls: i64[M]) { source: "boxes.pt" }',
            'model g(x: f32[3, H, W]) -> (y: f32[8, H/2, W/2]) { source: "halves.pt" }',
            'model h(x: f32[9]) -> (high: f32, low: f32[9]) { source: "named.pt" }',
            'model i(x: f32[...]) -> (y: f32[...]) { source: "double.pt" }',
            'model j(x: f32[_]) -> (y: f32[_]) { source: "double.pt" }',
            'model k(x: f32[4]) -> (y: f32[4]) { source: "optional.pt" }',
            'model l(x: i64[K/32-1], k: i64[K]) -> (y: i64[K/32-1]) { source: "first.pt" }',
        )
        self.assertEqual("test.flow: fine, 0 flows\n", done.stdout)

    def test_the_check_of_the_text_opens_nothing(self):
        self.write("test.flow", flow('model a(x: f32) -> (y: f32) { source: "gone.pt" }'))
        self.ends(FINE, "check", "test.flow")

    def test_other_types_are_said_at_the_column(self):
        self.assertEqual(
            [
                "3:24 E0803 `double.pt` gives `y: f32[8]`, declared `y: f32[5]`",
                "4:24 E0803 `double.pt` gives `y: f32[N]`, declared `y: f32[8]`",
                "5:24 E0803 `double.pt` gives `y: f32[8]`, declared `y: f64[8]`",
                "6:24 E0803 `double.pt` gives `y: f32[8]`, declared `y: f32`",
                "7:24 E0803 `longer.pt` gives `y: f32[N*2]`, declared `y: f32[N]`",
                "8:24 E0803 `boxes.pt` gives `b: f32[N, 4]`, declared `b: f32[N, 5]`",
                "8:38 E0803 `boxes.pt` gives `c: i64[N]`, declared `c: i64[4]`",
                "9:30 E0803 `halves.pt` gives `y: f32[8, H/2, W/2]`, declared `y: f32[8, W/2, H/2]`",
            ],
            self.messages(
                FLOW_IS_WRONG,
                'model a(x: f32[8]) -> (y: f32[5]) { source: "double.pt" }',
                'model b(x: f32[N]) -> (y: f32[8]) { source: "double.pt" }',
                'model c(x: f32[8]) -> (y: f64[8]) { source: "double.pt" }',
                'model d(x: f32[8]) -> (y: f32) { source: "double.pt" }',
                'model e(x: f32[N]) -> (y: f32[N]) { source: "longer.pt" }',
                'model f(x: f32[N]) -> (b: f32[N, 5], c: i64[4]) { source: "boxes.pt" }',
                'model g(x: f32[3, H, W]) -> (y: f32[8, W/2, H/2]) { source: "halves.pt" }',
            ),
        )

    def test_help_says_what_to_write(self):
        self.check(
            FLOW_IS_WRONG,
            'model a(x: f32[8]) -> (y: f32[5]) { source: "double.pt" }',
            says=["help: declare `y: f32[8]`, or take another file", "this file"],
        )

    def test_other_numbers_of_columns(self):
        self.assertEqual(
            [
                "3:9 E0803 `double.pt` takes 1 input, declared 2",
                "4:9 E0803 `optional.pt` takes 1 to 2 inputs, declared 3",
                "5:24 E0803 `boxes.pt` gives 2 outputs, declared 1",
                "6:24 E0803 `double.pt` gives 1 output, declared 2",
                "7:24 E0803 `named.pt` gives no `hight`",
            ],
            self.messages(
                FLOW_IS_WRONG,
                'model a(x: f32, z: f32) -> (y: f32) { source: "double.pt" }',
                'model b(x: f32, y: f32, z: f32) -> (o: f32) { source: "optional.pt" }',
                'model c(x: f32[N]) -> (y: f32[N, 4]) { source: "boxes.pt" }',
                'model d(x: f32[N]) -> (y: f32[N], z: f32) { source: "double.pt" }',
                'model e(x: f32[9]) -> (hight: f32, low: f32[9]) { source: "named.pt" }',
            ),
        )

    def test_what_fails_is_said_with_its_input(self):
        found = self.messages(
            FLOW_IS_WRONG,
            'model a(x: f32[3, 8]) -> (y: f32) { source: "halves.pt" }',
            'model b(x: f32[N]) -> (y: f32[N]) { source: "single.pt" }',
        )
        self.assertRegex(
            found[0],
            r"^3:9 E0804 `halves.pt` fails on 2 rows of `x: f32\[3, 8\]`, all zeros: .+[^\n]*$",
        )
        self.assertEqual("4:24 E0803 `single.pt` gives 2 rows of `y` for 3 rows", found[1])
        self.check(
            FLOW_IS_WRONG,
            'model b(x: f32[5]) -> (y: f32[5]) { source: "single.pt" }',
            says=["`single.pt` fails on 3 rows of `x: f32[5]`", "is the number of rows fixed in"],
        )

    def test_rows_come_first(self):
        self.assertEqual(
            ["3:24 E0803 `total.pt` gives 8 rows of `y` for 2 rows"],
            self.messages(
                FLOW_IS_WRONG, 'model a(x: f32[8]) -> (y: f32) { source: "total.pt" }'
            ),
        )

    def test_what_is_no_tensor(self):
        self.assertEqual(
            [
                "3:32 E0803 `lists.pt` gives 2 rows of `z` for 3 rows",
                "4:9 E0803 `double.pt`: `forward` takes `x: Tensor`, declared `x: string`",
                "5:9 E0702 models have no bytes; flows that call `c` run only in tests, where a stub answers",
                "5:9 E0803 a model has no bytes, `double.pt` is declared with `x: bytes`",
                "6:32 E0803 `numbers.pt` gives `n` as Dict[int, Tensor], a column is made of a tensor, "
                "or of a list with an element for each row",
            ],
            self.messages(
                FLOW_IS_WRONG,
                'model a(x: f32[8]) -> (y: f32, z: i64) { source: "lists.pt" }',
                'model b(x: string) -> (y: f32) { source: "double.pt" }',
                'model c(x: bytes) -> (y: f32) { source: "double.pt" }',
                'model d(x: f32[8]) -> (y: f32, n: f32) { source: "numbers.pt" }',
            ),
        )

    def test_texts_lists_and_padding(self):
        self.check(
            FINE,
            'model a(t: string) -> (size: i64, loud: string) { source: "greets.pt" }',
            'model b(x: f32[N]) -> (y: f32[M]) { source: "pieces.pt" }',
            'model c(x: f32[L]) -> (y: f32[L], n: i64) { source: "masked.pt", pad: L }',
            'model d(x: f32[4]) -> (y: f32[4]) { source: "counts.pt", state: fresh }',
            'model e(x: f32[4]) -> (y: f32[4]) { source: "counts.pt", method: "twice" }',
            'model f(x: f32[4]) -> (y: f32[4]) { source: "double.pt", dtype: f64 }',
            'model g(x: f32[4]) -> (share: f32) { source: "shares.pt" }',
        )

    def test_what_settings_do_not_suit(self):
        found = self.messages(
            FLOW_IS_WRONG,
            'model a(x: f32[4]) -> (y: f32[4]) { source: "counts.pt" }',
            'model b(x: f32[4]) -> (y: f32[4]) { source: "double.pt", method: "encode" }',
            'model c(x: f32[L]) -> (y: f32[L]) { source: "double.pt", pad: L }',
        )
        self.assertEqual(
            [
                "3:45 E0802 model file counts.pt keeps state between calls: `forward` writes "
                "`calls`; `state: fresh` lets each call begin with what is in the file",
                "4:45 E0802 model file double.pt has no `encode`; its methods are `forward`",
                "5:9 E0803 `double.pt`: `forward` takes 1 input, declared 2",
            ],
            found,
        )

    def test_files_that_are_none(self):
        self.write("text.pt", "no model")
        self.write("empty.pt", "")
        (self.dir / "folder.pt").mkdir()
        whole = (self.dir / "double.pt").read_bytes()
        self.write("cut.pt", whole[: len(whole) // 2])
        found = self.messages(
            FLOW_IS_WRONG,
            *(
                f'model {name}(x: f32) -> (y: f32) {{ source: "{name}.pt" }}'
                for name in ["text", "empty", "folder", "cut", "gone"]
            ),
        )
        self.assertEqual(["E0802", "E0802", "E0801", "E0802", "E0801"], [f.split()[1] for f in found])
        for message in found:
            self.assertNotIn("\n", message)
            self.assertEqual(1, message.count(".pt"), message)

    def test_what_is_missing_alone_is_the_machines(self):
        model = 'model a(x: f32) -> (y: f32) { source: "gone.pt" }'
        self.check(MACHINE_LACKS, model, says=["error[E0801]", "gone.pt"])

    def test_the_other_files_of_flows_have_to_be_there(self):
        self.write("lib/names.flow", flow(
            'fn name(i: i64) -> (name: string) { native: "labels.lookup", file: "names.txt" }'
        ))  # fmt: skip
        rest = [
            'import names from "lib/names.flow"',
            'fn label(i: i64) -> (label: string) { native: "labels.lookup", file: "labels.txt" }',
            'store ages(user: string) -> (age: i64) { rows: "ages.jsonl" }',
            'store rows(user: string) -> (age: i64) { rocksdb: "filled/later" }',
        ]
        self.check(
            MACHINE_LACKS, *rest,
            says=[
                "error[E0801]: cannot read `labels.txt`: No such file or directory\n"
                " --> test.flow:4:70",
                "cannot read `ages.jsonl`: No such file or directory\n --> test.flow:5:48",
                "cannot read `lib/names.txt`: No such file or directory\n --> lib/names.flow:3:68",
                "paths are relative to the folder of the flow file",
                "test.flow: 3 errors",
            ],
        )  # fmt: skip
        self.ends(FINE, "check", "test.flow")  # of the text alone
        for name in ["labels.txt", "ages.jsonl", "lib/names.txt"]:
            self.write(name, "one\n")
        self.check(FINE, *rest)

    def test_what_takes_too_long_is_stopped(self):
        self.check(
            FLOW_IS_WRONG,
            'model a(x: f32) -> (y: f32) { source: "endless.pt" }',
            words=["--model-seconds", "2"],
            says=["error[E0804]: `endless.pt` was not done after 2 seconds", "--model-seconds"],
        )
        self.write("test.flow", flow())
        self.ends(USAGE, "check", "test.flow", "--model-seconds", "2", says="--models")

    def test_mistakes_in_the_text_come_with_those_of_files(self):
        found = self.messages(
            FLOW_IS_WRONG,
            'model a(x: f33[8]) -> (y: f32) { source: "double.pt" }',
            'model b(x: f32[8]) -> (y: f32) { source: "double.pt" }',
        )
        self.assertEqual(["E0201", "E0803"], [f.split()[1] for f in found])

    def test_models_of_imported_files_are_opened(self):
        self.write("lib/m.flow", flow('model a(x: f32[8]) -> (y: f32) { source: "../double.pt" }'))
        self.check(
            FLOW_IS_WRONG,
            'import m from "lib/m.flow"\n'
            "flow f(t: { x: f32[8] }) -> { y: f32 } { return t |> map(m.a) }",
            says=["error[E0803]", "lib/m.flow:3:24"],
        )

    def test_sarif(self):
        self.write("test.flow", flow('model a(x: f32[8]) -> (y: f32) { source: "double.pt" }'))
        done = self.call("check", "test.flow", "--models", "--sarif")
        self.assertEqual(FLOW_IS_WRONG, done.returncode)
        self.assertEqual("E0803", json.loads(done.stdout)["runs"][0]["results"][0]["ruleId"])


class SidecarTest(ModelsTest):
    WITHOUT = 'model a { source: "double.pt" }\n'
    FLOW = "flow f(t: { x: f32[8] }) -> { y: f32[8] } { return t |> map(a) }"

    def test_it_gives_the_signature(self):
        self.sidecar("double.pt", {"x": "f32[N]"}, {"y": "f32[N]"})
        self.check(FINE, self.WITHOUT, self.FLOW)
        self.ends(FINE, "check", "test.flow")
        self.write("rows.jsonl", '{"x": [1, 2, 3, 4, 5, 6, 7, 8]}\n')
        done = self.ends(FINE, "run", "test.flow", "--rows", "rows.jsonl", "--json")
        self.assertEqual([{"y": [3, 5, 7, 9, 11, 13, 15, 17]}], self.rows_of(done))
        plan = json.loads(self.ends(FINE, "compile", "test.flow", "-o", "-").stdout)
        self.assertEqual(["double.pt.json"], [source["path"] for source in plan["sources"]])

    def test_without_it_the_signature_is_missing(self):
        self.check(FLOW_IS_WRONG, self.WITHOUT, self.FLOW, says=["error[E0307]", "double.pt.json"])

    def test_it_is_compared_and_nothing_is_run(self):
        model = 'model a(x: f32[8]) -> (y: f32[8]) { source: "raises.pt" }'
        self.sidecar("raises.pt", {"x": "f32[N]"}, {"y": "f32[N]"})
        self.check(FINE, model)
        self.sidecar("raises.pt", {"x": "f32[N]"}, {"y": "f32[N, 2]"})
        self.assertEqual(
            ["3:24 E0803 `raises.pt.json` has `y: f32[N, 2]` here, declared `y: f32[8]`"],
            self.messages(FLOW_IS_WRONG, model),
        )
        self.ends(FINE, "check", "test.flow")

    def test_it_may_be_of_one_file_alone(self):
        model = 'model a(x: f32[8]) -> (y: f32[8]) { source: "double.pt" }'
        sha256 = hashlib.sha256((self.dir / "double.pt").read_bytes()).hexdigest()
        self.sidecar("double.pt", {"x": "f32[8]"}, {"y": "f32[8]"}, sha256=sha256)
        self.check(FINE, model)
        self.sidecar("double.pt", {"x": "f32[8]"}, {"y": "f32[8]"}, sha256="0" * 64)
        self.check(FLOW_IS_WRONG, model, says=["error[E0805]", "another `double.pt`", sha256])

    def test_it_does_not_stand_for_a_missing_file(self):
        self.sidecar("gone.pt", {"x": "f32"}, {"y": "f32"})
        self.check(MACHINE_LACKS, 'model a { source: "gone.pt" }', says="error[E0801]")


if __name__ == "__main__":
    cli.main()
