#!/usr/bin/env python3
"""AOTInductor packages (`.pt2`) through the command line, against the same network as TorchScript.

    .venv/bin/python tests/tools/packages_test.py RACEWAY FOLDER

Compiling the two small networks takes a minute; they are kept in FOLDER, by the hash of this file.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

FINE, FLOW_IS_WRONG, USAGE, REQUEST_FAILED, MACHINE_LACKS = range(5)
SIGNATURE = "(x: f32[4], k: f32) -> (y: f32[3], total: f32)"
ROWS = [{"id": i, "x": [i * 0.5 - 2, 1.0, -i, 0.25], "k": 0.1 * i} for i in range(9)]

raceway = None
packages = None


def flow(source, signature=SIGNATURE, settings=""):
    total = "sum" if "sum" in signature else "total"
    return (
        "edition 1\n"
        "schema Row { id: i64, x: f32[4], k: f32 }\n"
        f'model net{signature} {{ source: "{source}"{settings} }}\n'
        "flow f(rows: Row) -> { id: i64, y: f32[3], total: f32 } {\n"
        f"  return rows |> map(net) |> select(id, y, total = {total})\n"
        "}\n"
    )


def export(folder):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 3)

        def forward(self, x, k):
            y = torch.relu(self.layer(x)) + k.unsqueeze(-1)
            return {"total": y.sum(-1), "y": y}

    torch.manual_seed(0)
    net = Net().eval()
    example = (torch.rand(3, 4), torch.rand(3))
    torch.jit.trace(net, example, strict=False).save(str(folder / "net.pt"))
    rows = torch.export.Dim("rows", min=1, max=64)
    for name, shapes in {"net.pt2": ({0: rows}, {0: rows}), "three.pt2": None}.items():
        program = torch.export.export(net, example, dynamic_shapes=shapes)
        torch._inductor.aoti_compile_and_package(program, package_path=str(folder / name))
    torch.export.save(program, str(folder / "program.pt2"))
    program = torch.export.export(net, example, dynamic_shapes=({0: rows}, {0: rows}))
    apart = {"aot_inductor.package_constants_in_so": False}
    baked = str(folder / "baked.pt2")  # its bias is so small that it is in the code
    torch._inductor.aoti_compile_and_package(program, package_path=baked, inductor_configs=apart)
    apart["always_keep_tensor_constants"] = True
    for name, form in {"bare": "", "blob": "binary_blob", "files": "pickle_weights"}.items():
        on_disk = {"aot_inductor.package_constants_on_disk_format": form} if form else {}
        program = torch.export.export(net, example, dynamic_shapes=({0: rows}, {0: rows}))
        torch._inductor.aoti_compile_and_package(
            program, package_path=str(folder / f"{name}.pt2"), inductor_configs={**apart, **on_disk}
        )
    export_odd(folder, rows)
    export_weights(folder, net, example)


def export_weights(folder, net, example):
    """Half of all weights, in each form of file that has nothing else; and files that do not fit."""
    import torch
    from safetensors.torch import save_file

    half = {name: (weight * 0.5).contiguous() for name, weight in net.state_dict().items()}
    net.load_state_dict(half)
    torch.jit.trace(net, example, strict=False).save(str(folder / "half.pt"))
    torch.export.save(torch.export.export(net, example), str(folder / "half-program.pt2"))
    save_file(half, str(folder / "half.safetensors"))
    where = {}
    for number, (name, weight) in enumerate(half.items()):
        where[name] = f"half-{number}.safetensors"
        save_file({name: weight}, str(folder / where[name]))
    index = json.dumps({"metadata": {}, "weight_map": where})
    (folder / "half.safetensors.index.json").write_text(index)
    bias = half.pop("layer.bias")
    save_file(half, str(folder / "lacking.safetensors"))
    more = {**half, "layer.bias": bias, "head.weight": bias.clone()}
    save_file(more, str(folder / "more.safetensors"))
    save_file({**half, "layer.bias": torch.ones(4)}, str(folder / "odd.safetensors"))


def export_odd(folder, rows):
    """Packages that do more with what they get than read it."""
    import torch

    class Masked(torch.nn.Module):  # two inputs of one length
        def forward(self, x, mask):
            return (x * mask).sum(-1)

    class Doubling(torch.nn.Module):  # writes into its input
        def forward(self, x):
            return x.mul_(2).sum(-1)

    class Counting(torch.nn.Module):  # keeps state
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls.add_(1)
            return x.sum(-1) + self.calls

    length = torch.export.Dim("length", min=2, max=100)
    x = torch.rand(3, 4)
    for name, net, example, shapes in [
        ("masked", Masked(), (x, torch.rand(3, 4)), ({0: rows, 1: length}, {0: rows, 1: length})),
        ("doubling", Doubling(), (x,), ({0: rows},)),
        ("counting", Counting(), (x,), ({0: rows},)),
    ]:
        program = torch.export.export(net, example, dynamic_shapes=shapes)
        package = str(folder / f"{name}.pt2")
        torch._inductor.aoti_compile_and_package(program, package_path=package)


def ready_packages(folder):
    """The folder with the networks, made if they are not there."""
    ready = folder / hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    if not ready.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            export(Path(work))
            Path(work).chmod(0o755)
            shutil.copytree(work, ready.with_suffix(".part"), dirs_exist_ok=True)
        os.replace(ready.with_suffix(".part"), ready)
    return ready


class PackagesTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="raceway-packages-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        for file in packages.iterdir():
            shutil.copy(file, self.folder / file.name)
        (self.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def tearDown(self):
        self.assertEqual([], list(self.temporary.iterdir()), "left in the temporary folder")

    def call(self, code, *words):
        done = subprocess.run(
            [str(raceway), *words],
            cwd=self.folder,
            env={
                **os.environ,
                "TMPDIR": str(self.temporary),
                "XDG_CACHE_HOME": str(self.folder / "cache"),
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done

    def run_flow(self, code, source, rows="rows.jsonl", **more):
        (self.folder / "f.flow").write_text(flow(source, **more))
        return self.call(code, "run", "f.flow", "--rows", rows, "--json")

    def says(self, code, source, text, **more):
        self.assertIn(text, self.run_flow(code, source, **more).stderr)

    def run_text(self, code, text, rows):
        (self.folder / "f.flow").write_text("edition 1\n" + text)
        (self.folder / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return self.call(code, "run", "f.flow", "--rows", "odd.jsonl", "--json")

    def test_sizes_that_the_code_takes_for_one_must_be_one(self):
        text = """
            model net(x: f32[N], mask: f32[M]) -> (y: f32) { source: "masked.pt2" }
            flow f(rows: { x: f32[N], mask: f32[M] }) -> { y: f32 } {
              return rows |> map(net) |> select(y)
            }"""
        done = self.run_text(FINE, text, [{"x": [1, 2, 3], "mask": [1, 0, 1]}])
        self.assertEqual(json.loads(done.stdout)["y"], 4)
        done = self.run_text(REQUEST_FAILED, text, [{"x": [1.0] * 64, "mask": [1, 1]}])
        self.assertIn("input 2 has 2 in dimension 0, input 1 64: compiled for the same", done.stderr)

    def test_code_that_writes_its_input_gets_a_copy(self):
        text = """
            model net(x: f32[4]) -> (y: f32) { source: "doubling.pt2" }
            flow f(rows: { x: f32[4] }) -> { x: f32[4], y: f32 } {
              return rows |> map(net) |> select(x, y)
            }"""
        done = self.run_text(FINE, text, [{"x": [1, 2, 3, 4]}])
        self.assertEqual(json.loads(done.stdout), {"x": [1, 2, 3, 4], "y": 20})

    def test_code_that_keeps_state_is_refused(self):
        text = """
            model net(x: f32[4]) -> (y: f32) { source: "counting.pt2" }
            flow f(rows: { x: f32[4] }) -> { y: f32 } { return rows |> map(net) |> select(y) }"""
        done = self.run_text(FLOW_IS_WRONG, text, [{"x": [1, 2, 3, 4]}])
        self.assertIn("counting.pt2 keeps state from call to call", done.stderr)

    def remake(self, change):
        """net.pt2 with records changed by change(name, bytes); None leaves one out."""
        with zipfile.ZipFile(self.folder / "net.pt2") as old:
            with zipfile.ZipFile(self.folder / "other.pt2", "w") as new:
                for name in old.namelist():
                    content = change(name, old.read(name))
                    if content is not None:
                        new.writestr(name, content)

    def test_answers_as_torchscript_does(self):
        shutil.copy(self.folder / "net.pt2", self.folder / "anything.bin")  # content tells
        rows = {}
        for source in ("net.pt", "net.pt2", "anything.bin", "blob.pt2", "files.pt2"):
            out = self.run_flow(FINE, source).stdout
            rows[source] = [json.loads(line) for line in out.splitlines()]
        for source in ("net.pt2", "anything.bin", "blob.pt2", "files.pt2"):
            self.assertEqual(len(rows[source]), len(ROWS))
            for got, expected in zip(rows[source], rows["net.pt"]):
                self.assertEqual(got["id"], expected["id"])
                self.assertAlmostEqual(got["total"], expected["total"], delta=1e-5)
                for a, b in zip(got["y"], expected["y"]):
                    self.assertAlmostEqual(a, b, delta=1e-5)

    def test_code_with_weights_apart_is_unpacked_once(self):
        first = self.run_flow(FINE, "blob.pt2").stdout
        libraries = list((self.folder / "cache").rglob("*.so"))
        self.assertEqual(1, len(libraries))
        inode = libraries[0].stat().st_ino
        self.assertEqual(first, self.run_flow(FINE, "blob.pt2").stdout)
        self.assertEqual(inode, libraries[0].stat().st_ino)

    GIVEN = ("--in", "f32[3,4]", "--in", "f32[3]")

    def load(self, source, *words):
        done = self.call(FINE, "load", source, *self.GIVEN, "--check", "--json", *words)
        done = json.loads(done.stdout)
        self.assertTrue(done["checked"])
        return done["runs"][0]

    def test_load_shows_where_the_time_goes(self):
        for source in ("blob.pt2", "files.pt2"):
            run = self.load(source, "--trace", "t.json", "--gantt", "g.svg")
            self.assertGreater(run["limit_ms"], 0)
            self.assertAlmostEqual(run["eta"], run["limit_ms"] / run["answer_ms"])
            self.assertTrue(0 < run["utilisation"] <= 1)
            for lane in ("scan", "retrieve", "verify", "apply", "execute"):
                self.assertGreater(run["lanes"][lane]["units"], 0, lane)
            self.assertGreaterEqual(run["lanes"]["verify"]["bytes"], 60)
            trace = json.loads((self.folder / "t.json").read_text())
            names = {event["name"] for event in trace["traceEvents"] if event["ph"] == "X"}
            self.assertLessEqual({"archive", "code", "bind", "execute"}, names)
            root = ElementTree.parse(self.folder / "g.svg").getroot()
            texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
            self.assertIn(f"{source}, raceway", texts)
            self.assertIn("limit", texts)
        table = self.call(FINE, "load", "blob.pt2", *self.GIVEN, "--runs", "2", "--check").stdout
        self.assertIn("check: the answers are those of AOTIModelPackageLoader, bit by bit", table)

    def test_load_of_weights_in_the_library_is_the_stock_loader(self):
        run = self.load("net.pt2")
        self.assertIsNone(run["limit_ms"])
        self.assertEqual({"retrieve", "execute"}, set(run["lanes"]) - {"scan"})

    def test_load_by_the_strategies_that_there_are(self):
        for source in ("net.pt2", "blob.pt2", "files.pt2"):
            for name in ("sequential", "sequential-fast", "raceway"):
                self.load(source, "--strategy", name)
        for name in ("mmap", "pisel", "mini", "preload", "cicada", "tetris", "optimus"):
            done = self.call(USAGE, "load", "blob.pt2", *self.GIVEN, "--strategy", name)
            self.assertIn(f"`{name}` ", done.stderr)
            self.assertIn("packages have `sequential`, `sequential-fast` and `raceway`", done.stderr)

    def test_load_says_what_a_package_takes(self):
        x, k = self.GIVEN[:2], self.GIVEN[2:]
        for words, text in (
            ((), "net.pt2 takes (f32[rows, 4], f32[rows]): it was given nothing"),
            (x, "it was given 1"),
            ((*x, "--in", "0.5"), "input 2 is no tensor"),
            (("--in", "f32[3,5]", *k), "input 1 has 5 in dimension 0, compiled for f32[rows, 4]"),
            (("--in", "f32[3,4,1]", *k), "input 1 has 3 dimensions with the rows, compiled for"),
            (("--in", "f64[3,4]", *k), "input 1 is f64, compiled for"),
            ((*x, "--in", "f32[4]"), "input 2 has 4 rows, input 1 3: compiled for the same"),
            ((*x, *k, "--method", "encode"), "has no `encode`"),
            ((*x, *k, "--record-order", "net.order"), "--record-order is for TorchScript"),
        ):
            self.assertIn(text, self.call(USAGE, "load", "net.pt2", *words).stderr)
        done = self.call(USAGE, "load", "bare.pt2", *self.GIVEN)
        self.assertIn("bare.pt2 has no weights with it", done.stderr)

    def test_weights_are_streamed_where_they_lie_apart(self):
        hint = ", load { stream: true }"
        for source in ("blob.pt2", "files.pt2"):
            plain = self.run_flow(FINE, source).stdout
            self.assertEqual(plain, self.run_flow(FINE, source, settings=hint).stdout)
        self.says(FLOW_IS_WRONG, "net.pt2", "its weights are in its library", settings=hint)
        tight = ", load { stream: true, memory: 10B }"
        self.says(MACHINE_LACKS, "blob.pt2", "of memory for its weights, `load { memory }`", settings=tight)

    def test_weights_lie_in_a_file_of_their_own(self):
        expected = [json.loads(line) for line in self.run_flow(FINE, "half.pt").stdout.splitlines()]
        other = self.run_flow(FINE, "net.pt").stdout.splitlines()
        self.assertNotAlmostEqual(expected[0]["total"], json.loads(other[0])["total"], delta=1e-3)
        files = ("half.safetensors", "half.safetensors.index.json", "half-program.pt2")
        for source in ("net.pt", "bare.pt2", "blob.pt2"):
            for file in files:
                out = self.run_flow(FINE, source, settings=f', weights: "{file}"').stdout
                for got, want in zip(map(json.loads, out.splitlines()), expected, strict=True):
                    self.assertAlmostEqual(got["total"], want["total"], delta=1e-5)

    def test_weights_of_another_model_are_named(self):
        for file, module, package in (
            ("lacking", "lacks `layer.bias` of the model", "there is no weight `layer.bias`"),
            (
                "more",
                "`head.weight` is no weight of the model",
                "`head.weight` is no weight of the code, which may have it as numbers of its own",
            ),
            (
                "odd",
                "`layer.bias` is float32[3] in the model, float32[4] in the file",
                "`layer.bias` has another type or shape than the code was compiled for",
            ),
        ):
            weights = f', weights: "{file}.safetensors"'
            text = f"model file net.pt: {file}.safetensors: {module}"
            self.says(MACHINE_LACKS, "net.pt", text, settings=weights)
            self.says(MACHINE_LACKS, "bare.pt2", package, settings=weights)
        weights = ', weights: "half.safetensors"'
        self.says(MACHINE_LACKS, "baked.pt2", "`layer.bias` is no weight of the code", settings=weights)
        self.says(FLOW_IS_WRONG, "net.pt2", "has its weights in its library", settings=weights)
        gone = ', weights: "gone.safetensors"'
        self.says(MACHINE_LACKS, "net.pt", "cannot read `gone.safetensors`", settings=gone)
        checked = self.call(MACHINE_LACKS, "check", "f.flow", "--models")
        self.assertEqual(checked.stderr.count("E0801"), 1, checked.stderr)
        streams = weights + ", load { stream: true }"
        self.says(FLOW_IS_WRONG, "net.pt", "are neither streamed nor shared", settings=streams)
        self.run_flow(FINE, "bare.pt2", settings=streams)

    def test_weights_that_have_changed_are_told(self):
        (self.folder / "f.flow").write_text(flow("net.pt", settings=', weights: "half.safetensors"'))
        self.call(FINE, "compile", "f.flow")
        shutil.copy(self.folder / "more.safetensors", self.folder / "half.safetensors")
        done = self.call(MACHINE_LACKS, "run", "f.plan", "--rows", "rows.jsonl")
        self.assertIn("`half.safetensors` is not the file the plan was compiled with", done.stderr)

    def test_a_package_without_weights_is_refused(self):
        self.says(FLOW_IS_WRONG, "bare.pt2", "bare.pt2 has no weights with it")

    def test_a_single_row_is_enough(self):
        (self.folder / "one.jsonl").write_text(json.dumps(ROWS[4]) + "\n")
        one = json.loads(self.run_flow(FINE, "net.pt2", rows="one.jsonl").stdout)
        expected = json.loads(self.run_flow(FINE, "net.pt", rows="one.jsonl").stdout)
        self.assertAlmostEqual(one["total"], expected["total"], delta=1e-5)

    def test_more_rows_than_it_was_compiled_for(self):
        rows = [{**ROWS[i % len(ROWS)], "id": i} for i in range(130)]
        (self.folder / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        got, expected = (
            [json.loads(line) for line in done.stdout.splitlines()]
            for done in (
                self.run_flow(FINE, source, rows="many.jsonl") for source in ("net.pt2", "net.pt")
            )
        )
        self.assertEqual([row["id"] for row in got], list(range(130)))
        for a, b in zip(got, expected):
            self.assertAlmostEqual(a["total"], b["total"], delta=1e-5)

    def test_a_fixed_number_of_rows_is_refused(self):
        self.says(
            MACHINE_LACKS,
            "three.pt2",
            "the package was compiled for `x: f32[3, 4]`, always so many rows; export it with a "
            "dynamic first dimension",
        )

    def test_outputs_that_differ(self):
        self.says(
            REQUEST_FAILED,
            "net.pt2",
            "no output `sum` in the dictionary it answers with",
            signature="(x: f32[4], k: f32) -> (y: f32[3], sum: f32)",
        )

    def test_check_compares_it_with_its_declaration(self):
        for signature, code, found in (
            (SIGNATURE, FINE, ""),
            ("(x: f32[4], k: f32) -> (y: f32[5], total: f32)", FLOW_IS_WRONG, "`y: f32[3]`"),
            ("(x: f32[5], k: f32) -> (y: f32[3], total: f32)", FLOW_IS_WRONG, "`x: f32[rows, 4]`"),
            ("(x: f64[4], k: f32) -> (y: f32[3], total: f32)", FLOW_IS_WRONG, "`x: f32[rows, 4]`"),
            ("(x: f32[4], k: f32) -> (y: f32[3], sum: f32)", FLOW_IS_WRONG, "gives no `sum`"),
        ):
            text = f'edition 1\nmodel net{signature} {{ source: "net.pt2" }}\n'
            (self.folder / "f.flow").write_text(text)
            done = self.call(code, "check", "f.flow", "--models")
            self.assertIn(found, done.stderr)

    def test_torn_packages(self):
        whole = (self.folder / "net.pt2").read_bytes()
        for size in (0, 100, len(whole) // 2, len(whole) - 1):
            (self.folder / "torn.pt2").write_bytes(whole[:size])
            self.says(MACHINE_LACKS, "torn.pt2", "model file torn.pt2 is no ")

    def test_code_that_is_torn_inside(self):
        self.remake(lambda name, old: old[:5000] if name.endswith(".so") else old)
        self.says(MACHINE_LACKS, "other.pt2", "model file other.pt2 cannot be loaded: ")

    def test_packages_of_other_machines(self):
        def metadata(key, value):
            def change(name, old):
                if not name.endswith("_metadata.json"):
                    return old
                return json.dumps({**json.loads(old), key: value})

            return change

        for code, change, text in (
            (
                MACHINE_LACKS,
                metadata("AOTI_DEVICE_KEY", "cuda"),
                "was compiled for `cuda`, here it is to run on `cpu`",
            ),
            (
                FLOW_IS_WRONG,
                metadata("AOTI_MACHINE", "s390x"),
                "was compiled for linux on s390x, this is linux on ",
            ),
            (
                FLOW_IS_WRONG,
                lambda name, old: b"7" if name.endswith("archive_version") else old,
                "is a package of version 7, this release reads version 0",
            ),
            (
                FLOW_IS_WRONG,
                lambda name, old: None if name.endswith(".wrapper.cpp") else old,
                "does not say in its source what it was compiled for",
            ),
        ):
            self.remake(change)
            self.says(code, "other.pt2", text)

    def test_a_program_that_was_not_compiled(self):
        self.says(FLOW_IS_WRONG, "program.pt2", "is an exported program that was not compiled")

    def test_what_cannot_be_chosen_any_more(self):
        self.says(
            MACHINE_LACKS,
            "net.pt2",
            "is compiled, so `dtype` cannot be chosen any more",
            settings=", dtype: bf16",
        )


def main():
    global raceway, packages
    raceway = Path(sys.argv[1]).resolve()
    packages = ready_packages(Path(sys.argv[2]).resolve())
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
