#!/usr/bin/env python3
"""The Python package, from its wheel: built once, installed, imported.

    .venv/bin/python tests/tools/python_test.py build/release build/release/tests/raceway_test_models
"""

import ast
import asyncio
import json
import multiprocessing
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import numpy
import torch

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tools/python"
TYPES = ROOT / "tests/tools/python_types.py"
build, folder = Path(), Path()
raceway = None  # the module under test

TWICE = """edition 1

/// Rows with nothing above it are left out.
param limit: f32 in 0.0..10.0 = 0.0

model double(x: f32[2]) -> (y: f32[2]) { source: "double.pt" }

flow twice(rows: { id: i64, name: string, x: f32[2] }) -> { id: i64, name: string, y: f32[2] } {
  return rows |> map(double) |> filter(max(y) > limit)
}
"""
SLOW = """edition 1
model slow(x: f32[2]) -> (y: f32[2]) { source: "slow.pt" }
flow slowly(rows: { x: f32[2] }) -> { y: f32[2] } { return rows |> map(slow) }
"""
RAISES = """edition 1
model raises(x: f32[2]) -> (y: f32[2]) { source: "raises.pt" }
flow raising(rows: { x: f32[2] }) -> { y: f32[2] } { return rows |> map(raises) }
"""
PASS = """edition 1
schema Row {
  dense: f32[2, 3], image: u8[H, W, 3], scalar: i64, name: string, blob: bytes, words: string[N],
  maybe: f32?, note: string?, k: i64 = 7
}
flow pass(rows: Row) -> Row { return rows |> derive(seen = 1) |> omit(seen) }
"""
BOTH = """edition 1
flow both(a: { id: i64 }, b: { x: f32 }) -> (left: { id: i64 }, right: { x: f32 }) {
  return left: a, right: b
}
"""
PLUGIN = """edition 1
fn twice(x: f32[N]) -> (y: f32[N]) { native: "twice", library: "good.so" }
flow plugged(rows: { x: f32[N] }) -> { y: f32[N] } { return rows |> map(twice) }
"""
# Reading torch's own types takes a minute.
MYPY = """[mypy]
strict = True
[mypy-torch.*]
follow_imports = skip
"""
# What is pybind11's: a metaclass, and `__init__` of classes that only the module makes.
ALLOWED = r"""raceway\._raceway\.(CancelSource|Engine|Flow|Plan)
raceway\._raceway\.(Flow|Plan)\.__init__
"""


def call(*words, **options):
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def set_up():
    """Builds the wheel against an installed prefix, installs it and imports what is in it."""
    global raceway
    call("cmake", "--install", build, "--prefix", folder / "prefix")
    call(
        sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index",
        "--wheel-dir", folder / "wheel",
        f"--config-settings=cmake.define.raceway_ROOT={folder / 'prefix'}",
        f"--config-settings=build-dir={folder / 'build'}", PACKAGE,
    )  # fmt: skip
    (wheel,) = (folder / "wheel").glob("raceway-*.whl")
    call(
        sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile",
        "--target", folder / "site", wheel,
    )  # fmt: skip
    sys.path.insert(0, str(folder / "site"))
    import raceway as module

    raceway = module


def rows(count=2):
    return {
        "id": torch.arange(count),
        "name": [f"row {i}" for i in range(count)],
        "x": torch.arange(2.0 * count).reshape(count, 2),
    }


class PythonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = raceway.Engine(2)
        cls.addClassCleanup(cls.engine.close)

    def deploy(self, text, **options):
        return self.engine.deploy(raceway.compile(text, base_dir=folder, **options))

    def test_the_wheel_holds_no_libtorch(self):
        names = {path.name for path in (folder / "site/raceway").iterdir()}
        self.assertLessEqual({"py.typed", "__init__.py", "_raceway.pyi", "_build.py"}, names)
        libraries = sorted(name for name in names if ".so" in name)
        self.assertEqual(3, len(libraries), libraries)
        for name in libraries:
            text = call("readelf", "--dynamic", "--wide", folder / "site/raceway" / name)
            self.assertIn("Library runpath: [$ORIGIN:$ORIGIN/../torch/lib]", text, name)
        pin = re.search(r"^torch==.*", (ROOT / "tools/requirements.txt").read_text(), re.MULTILINE)
        metadata = next((folder / "site").glob("*.dist-info/METADATA")).read_text()
        self.assertIn(f"Requires-Dist: {pin[0]}", metadata)

    def test_another_torch_is_refused(self):
        (built,) = (folder / "site/raceway").glob("_build.py")
        other = folder / "other"
        shutil.copytree(built.parent, other / "raceway")
        (other / "raceway/_build.py").write_text('TORCH_VERSION = "1.0.0"\n')
        code = f"import sys; sys.path.insert(0, {str(other)!r}); import raceway"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertIn("ImportError: raceway was built for torch 1.0.0, this is torch", done.stderr)

    def test_the_same_rows_as_the_command_line(self):
        (folder / "twice.flow").write_text(TWICE)
        lines = [{"id": i, "name": f"n{i}", "x": [float(i), 2.5 - i]} for i in range(-5, 5)]
        (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        out = call(build / "bin/raceway", "run", folder / "twice.flow", "--rows",
                   folder / "rows.jsonl", "--set", "limit=8.5", "--json")  # fmt: skip
        expected = [json.loads(line) for line in out.splitlines()]
        plan = raceway.compile(folder / "twice.flow", params={"limit": 8.5})
        columns = {name: [line[name] for line in lines] for name in ("id", "name", "x")}
        table = self.engine.deploy(plan).run(columns)
        got = [
            {"id": int(i), "name": name, "y": y.tolist()}
            for i, name, y in zip(table["id"], table["name"], table["y"])
        ]
        self.assertEqual(expected, got)
        self.assertTrue(0 < len(got) < len(lines))

    def test_tensors_go_through_without_a_copy(self):
        images = [torch.zeros(4, 5, 3, dtype=torch.uint8), torch.ones(6, 7, 3, dtype=torch.uint8)]
        scalars = numpy.arange(2)
        table = {
            "dense": torch.rand(2, 2, 3), "image": images, "scalar": scalars, "name": ["a", "ö"],
            "blob": [b"\0\xff", b""], "words": [["a", "b"], []], "maybe": [1.5, None],
            "note": [None, "kept"],
        }  # fmt: skip
        out = self.deploy(PASS).run(table)
        self.assertEqual(table["dense"].data_ptr(), out["dense"].data_ptr())
        self.assertEqual(scalars.ctypes.data, out["scalar"].data_ptr())
        self.assertEqual([i.data_ptr() for i in images], [i.data_ptr() for i in out["image"]])
        for name in ("name", "blob", "words", "note"):
            self.assertEqual(table[name], out[name])
        self.assertEqual(1.5, out["maybe"][0].item())
        self.assertIsNone(out["maybe"][1])
        self.assertEqual([7, 7], out["k"].tolist())
        out = self.deploy(PASS).run({**table, "dense": list(numpy.ones((2, 2, 3), "f4"))})
        self.assertEqual(12, out["dense"].sum().item())
        shapes = [(1, 2, 3), (4, 5, 3)]
        table["image"] = [numpy.ones(shape, "u1") for shape in shapes]
        out = self.deploy(PASS).run(table)
        self.assertEqual(shapes, [tuple(image.shape) for image in out["image"]])
        kept = out["dense"]
        del out, table
        self.assertEqual((2, 2, 3), tuple(kept.shape))

    def test_a_plan_says_what_it_takes(self):
        plan = raceway.compile(TWICE, base_dir=folder)
        self.assertEqual("twice", plan.flow)
        self.assertEqual(("x", "f32[2]", "f32", (2,), False, False), plan.inputs[0].fields[2])
        again = raceway.Plan.from_json(plan.to_json(), folder)
        self.assertEqual((plan.inputs, plan.files), (again.inputs, ["double.pt"]))
        (folder / "kept.plan").write_text(plan.to_json())
        self.assertEqual(folder, raceway.Plan.load(folder / "kept.plan").base_dir)

    def test_mistakes_in_a_flow(self):
        with self.assertRaises(raceway.CompileError) as caught:
            raceway.compile(TWICE.replace("map(double)", "map(duoble)"), base_dir=folder)
        (diagnostic,) = caught.exception.diagnostics
        self.assertEqual(("error", "E0201"), (diagnostic.severity, diagnostic.code))
        self.assertEqual((9, 22), (diagnostic.where.line, diagnostic.where.column))
        self.assertIn("error[E0201]", str(caught.exception))
        self.assertIn("help: did you mean `double`?", str(caught.exception))
        copy = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual(caught.exception.diagnostics, copy.diagnostics)

    def test_mistakes_in_a_call(self):
        with self.assertRaisesRegex(raceway.Error, "cannot read .*none.flow"):
            raceway.compile(folder / "none.flow")
        with self.assertRaisesRegex(raceway.Error, "limmit"):
            raceway.compile(TWICE, base_dir=folder, params={"limmit": 1})
        with self.assertRaisesRegex(raceway.Error, "cannot read .*none.plan"):
            raceway.Plan.load("none.plan")
        with self.assertRaisesRegex(raceway.Error, "num_workers"):
            raceway.Engine(-1)
        flow = self.deploy(TWICE)
        with self.assertRaisesRegex(raceway.RequestError, "the table has no column `name`"):
            flow.run({"id": [1]})
        with self.assertRaisesRegex(raceway.RequestError, "`x` is f64"):
            flow.run({**rows(), "x": torch.zeros(2, 2, dtype=torch.float64)})
        with self.assertRaisesRegex(TypeError, "column `name` is str: a tensor or a list"):
            flow.run({**rows(), "name": "one"})
        with self.assertRaisesRegex(TypeError, "column `name`: a row is int where others are text"):
            flow.run({**rows(), "name": ["one", 2]})

    def test_a_request_that_fails(self):
        flow = self.deploy(RAISES)
        for ask in (flow.run, lambda table: flow.submit(table).result()):
            with self.assertRaisesRegex(raceway.RequestError, "no luck today") as caught:
                ask({"x": torch.tensor([[-1.0, 1.0]])})
            error = pickle.loads(pickle.dumps(caught.exception))
            self.assertEqual("failed", error.code)
            self.assertRegex(error.stage, r"map\(raises\) at <text>:3:")

    def test_several_tables(self):
        flow = self.deploy(BOTH)
        table = {"a": {"id": [1, 2]}, "b": {"x": torch.ones(3)}}
        out = flow.run(table)
        self.assertEqual([1, 2], out["left"]["id"].tolist())
        self.assertEqual(table["b"]["x"].data_ptr(), out["right"]["x"].data_ptr())
        with self.assertRaisesRegex(raceway.Error, "`both` takes the tables a, b"):
            flow.run({"id": [1]})

    def test_threads(self):
        flow = self.deploy(TWICE)
        answers = []

        def ask():
            for _ in range(50):
                answers.append(flow.run(rows())["y"].tolist())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([[[1.0, 3.0], [5.0, 7.0]]] * 400, answers)

    def test_the_interpreter_is_free_while_a_request_runs(self):
        flow = self.deploy(SLOW)
        ticks = 0
        thread = threading.Thread(target=flow.run, args=({"x": torch.ones(1, 2)},))
        thread.start()
        while thread.is_alive():
            ticks += 1
            time.sleep(0.002)
        self.assertGreater(ticks, 5)

    def test_asyncio(self):
        flow = self.deploy(TWICE)

        async def ask_all():
            return await asyncio.gather(*(flow.submit_async(rows(i + 1)) for i in range(100)))

        answers = asyncio.run(ask_all())
        self.assertEqual(list(range(1, 101)), [len(answer["name"]) for answer in answers])

    def test_a_timeout(self):
        with self.assertRaises(raceway.RequestError) as caught:
            self.deploy(SLOW).run({"x": torch.ones(1, 2)}, timeout=0.02)
        self.assertEqual("deadline exceeded", caught.exception.code)

    def test_cancelling(self):
        flow = self.deploy(SLOW)
        table = {"x": torch.ones(1, 2)}
        start = time.monotonic()
        futures = [flow.submit(table) for _ in range(20)]
        self.assertTrue(all(future.cancel() for future in futures))
        self.assertTrue(all(future.cancelled() for future in futures))

        async def give_up():
            await asyncio.wait_for(flow.submit_async(table), 0.02)

        with self.assertRaises((asyncio.TimeoutError, TimeoutError)):
            asyncio.run(give_up())
        source = raceway.CancelSource()
        threading.Timer(0.02, source.cancel).start()
        with self.assertRaises(raceway.RequestError) as caught:
            flow.run(table, cancel=source)
        self.assertEqual("cancelled", caught.exception.code)
        # 21 requests of a third of a second each were not run to their end.
        flow.run(table)
        self.assertLess(time.monotonic() - start, 4)

    def test_replacing_and_undeploying(self):
        flow = self.deploy(TWICE)
        thrice = raceway.compile(TWICE.replace("double.pt", "triple.pt"), base_dir=folder)
        self.engine.replace(flow, thrice)
        self.assertEqual([[1.0, 4.0], [7.0, 10.0]], flow.run(rows())["y"].tolist())
        with self.assertRaises(raceway.Error):
            self.engine.replace(flow, raceway.compile(SLOW, base_dir=folder))
        self.engine.undeploy(flow)
        with self.assertRaises(raceway.RequestError) as caught:
            flow.run(rows())
        self.assertEqual("unavailable", caught.exception.code)

    def test_the_end_of_an_engine(self):
        with raceway.Engine(1) as engine:
            flow = engine.deploy(raceway.compile(SLOW, base_dir=folder))
            future = flow.submit({"x": torch.ones(1, 2)})
        self.assertTrue(future.done())
        with self.assertRaisesRegex(raceway.RequestError, "the engine of this flow has ended"):
            flow.run({"x": torch.ones(1, 2)})
        with self.assertRaisesRegex(raceway.Error, "this engine has ended"):
            engine.deploy(raceway.compile(SLOW, base_dir=folder))

    def test_requests_that_race_with_the_end(self):
        plan = raceway.compile(TWICE, base_dir=folder)
        for _ in range(10):
            engine = raceway.Engine(2)
            flow = engine.deploy(plan)
            ended = []

            def loop(ask):
                try:
                    while True:
                        ask()
                except raceway.Error as error:
                    ended.append(error.code)

            asks = [lambda: flow.run(rows()), lambda: flow.submit(rows()).result(),
                    lambda: engine.deploy(plan), lambda: engine.replace(flow, plan)]  # fmt: skip
            threads = [threading.Thread(target=loop, args=(ask,)) for ask in asks]
            for thread in threads:
                thread.start()
            time.sleep(0.02)
            engine.close()
            for thread in threads:
                thread.join(60)
            self.assertEqual(["unavailable"] * len(asks), ended)

    def test_a_future_ends_whatever_is_raised(self):
        flow = self.deploy(TWICE)
        flow._answer = lambda is_fine, values: 1 / 0
        self.assertIsInstance(flow.submit(rows()).exception(60), ZeroDivisionError)

    def test_a_completion_that_raises_is_reported(self):
        flow = self.deploy(TWICE)
        told = []
        self.addCleanup(setattr, sys, "unraisablehook", sys.unraisablehook)
        sys.unraisablehook = lambda raised: told.append(raised.exc_type)

        def stop(_):
            raise SystemExit

        # Slow, so that it has not ended yet and the callback is called by the engine.
        self.deploy(SLOW).submit({"x": torch.ones(1, 2)}).add_done_callback(stop)
        for _ in range(1000):
            if told:
                break
            time.sleep(0.01)
        self.assertEqual([SystemExit], told)
        self.assertEqual(2, len(flow.run(rows())["name"]))

    def test_workers(self):
        self.assertEqual(min(2, max(1, len(os.sched_getaffinity(0)) - 1)), self.engine.num_workers)

    def test_a_program_that_ends_with_requests_in_flight(self):
        code = (
            f"import sys; sys.path.insert(0, {str(folder / 'site')!r}); import raceway, torch\n"
            f"engine = raceway.Engine(1)\n"
            f"flow = engine.deploy(raceway.compile({SLOW!r}, base_dir={str(folder)!r}))\n"
            f"flow.submit({{'x': torch.ones(1, 2)}})\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
        self.assertEqual((0, b""), (done.returncode, done.stderr))

    def test_a_forked_child(self):
        flow = self.deploy(TWICE)
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()

        def child():
            try:
                flow.run(rows())
            except raceway.RequestError as error:
                queue.put(str(error))

        process = context.Process(target=child)
        process.start()
        process.join(60)
        self.assertEqual(0, process.exitcode)
        self.assertIn("it was forked from one that had started an engine", queue.get())

    def test_functions_of_a_library(self):
        """What tries them is part of the package: no `raceway` is needed."""
        shutil.copy(build / "tests/plugins/good.so", folder)
        code = (
            f"import sys; sys.path.insert(0, {str(folder / 'site')!r}); import raceway, torch\n"
            f"plan = raceway.compile({PLUGIN!r}, base_dir={str(folder)!r})\n"
            f"flow = raceway.Engine(1).deploy(plan)\n"  # keeps its engine
            f"print(flow.run({{'x': torch.ones(1, 2)}})['y'].tolist())\n"
        )
        home = {"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"}  # no library is known there
        self.assertEqual("[[2.0, 2.0]]\n", call(sys.executable, "-c", code, env=home))
        gone = {**home, "HOME": str(folder), "RACEWAY_PLUGIN_PROBE": str(folder / "none")}
        done = subprocess.run([sys.executable, "-c", code], env=gone, capture_output=True, text=True)
        self.assertRegex(done.stderr, r"E0901.*cannot look into `good\.so`: cannot start `.*/none`")

    def test_a_type_checker_is_content(self):
        (folder / "mypy.ini").write_text(MYPY)
        (folder / "allowed").write_text(ALLOWED)
        env = dict(os.environ, MYPYPATH=str(folder / "site"), PYTHONPATH=str(folder / "site"))
        words = (sys.executable, "-m", "mypy", "--config-file", folder / "mypy.ini",
                 "--cache-dir", folder / "mypy", TYPES, folder / "site/raceway")  # fmt: skip
        call(*words, env=env)
        # pybind11's functions do not say what they take, but for their texts: see below.
        call(sys.executable, "-m", "mypy.stubtest", "raceway", "--mypy-config-file",
             folder / "mypy.ini", "--allowlist", folder / "allowed", env=env, cwd=folder)  # fmt: skip

    def test_the_stubs_take_what_the_functions_take(self):
        def compare(items, there):
            for item in items:
                if isinstance(item, ast.ClassDef):
                    compare(item.body, getattr(there, item.name))
                    continue
                is_function = isinstance(item, ast.FunctionDef)
                value = getattr(there, item.name) if is_function else None
                if value is None or isinstance(value, property):
                    continue
                text = value.__doc__.splitlines()[0]
                declared = [arg.arg for arg in item.args.posonlyargs if arg.arg != "self"]
                self.assertEqual(len(declared), len(re.findall(r"\barg\d+: ", text)), text)

        stubs = ast.parse((folder / "site/raceway/_raceway.pyi").read_text())
        compare(stubs.body, raceway._raceway)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build, maker = Path(sys.argv.pop(1)).resolve(), Path(sys.argv.pop(1)).resolve()
    with tempfile.TemporaryDirectory(prefix="raceway-python-") as name:
        folder = Path(name)
        call(maker, folder)
        set_up()
        unittest.main()
