#!/usr/bin/env python3
"""`raceway repack`: what LibTorch, from Python and from C++, makes of the files it writes.

    .venv/bin/python tests/tools/repack_test.py RACEWAY RACEWAY_TEST_MODELS
"""

import json
import signal
import struct
import subprocess
import time
import unittest
import zipfile
from pathlib import Path

import cli
import torch
from cli import FINE, MACHINE_LACKS, REQUEST_FAILED, USAGE, CliTest, main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "models"
BLOCK = 4096

FLOW = """edition 1
model net(x: f32[64]) -> (y: f32[64]) { source: "SOURCE" }
flow f(rows: { x: f32[64] }) -> { y: f32[64] } { return rows |> map(net) |> select(y) }
"""


class Net(torch.nn.Module):
    """Tied weights, a buffer, and a small weight among large ones."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(64, 64)
        self.second = torch.nn.Linear(64, 64, bias=False)
        self.third = torch.nn.Linear(64, 64)
        self.third.weight = self.first.weight
        self.register_buffer("turned", torch.randn(64, 64))

    def forward(self, x):
        return self.third(torch.tanh(self.second(self.first(x)))) @ self.turned.t()


def weights_of(path):
    """Names and places of an archive's weights, in the order of the file."""
    found = []
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for info in archive.infolist():
            name = info.filename.split("/", 1)[1]
            file.seek(info.header_offset + 26)
            name_size, extra_size = struct.unpack("<HH", file.read(4))
            begin = info.header_offset + 30 + name_size + extra_size
            if name.startswith(("data/", "constants/")):
                found.append((begin, name, info.file_size))
    return sorted(found)


class RepackTest(CliTest):
    def setUp(self):
        super().setUp()
        torch.manual_seed(0)
        self.module = torch.jit.script(Net().eval())
        self.module.save(str(self.dir / "net.pt"))
        self.inputs = torch.randn(3, 64)

    def outputs(self, name, inputs=None):
        with torch.inference_mode():
            return torch.jit.load(str(self.dir / name))(self.inputs if inputs is None else inputs)

    def outputs_in_cpp(self, name):
        self.write("net.flow", FLOW.replace("SOURCE", name))
        self.write("rows.jsonl", "".join(json.dumps({"x": row.tolist()}) + "\n" for row in self.inputs))
        done = self.ends(FINE, "run", "net.flow", "--rows", "rows.jsonl", "--json")
        return [row["y"] for row in self.rows_of(done)]

    def test_both_libtorch_load_it_as_before(self):
        frozen = torch.jit.freeze(self.module)
        frozen.save(str(self.dir / "frozen.pt"))
        for name in ["net.pt", "frozen.pt"]:
            self.ends(FINE, "repack", name, f"re-{name}")
            self.assertTrue(torch.equal(self.outputs(name), self.outputs(f"re-{name}")))
            self.assertEqual(self.outputs_in_cpp(name), self.outputs_in_cpp(f"re-{name}"))
            for begin, _, size in weights_of(self.dir / f"re-{name}"):
                self.assertEqual(begin % (BLOCK if size >= BLOCK else 64), 0)

    def test_a_real_model(self):
        model = EXAMPLES / "efficientnet_lite0.pt"
        done = self.ends(FINE, "repack", str(model), "real.pt", "--json")
        report = json.loads(done.stdout)
        self.assertEqual(report["bytes"], (self.dir / "real.pt").stat().st_size)
        self.assertEqual(report["bytes_before"], model.stat().st_size)
        self.assertLess(report["bytes"], 1.03 * report["bytes_before"])
        self.assertGreater(report["weights_at_blocks"], 50)
        images = torch.randn(2, 3, 224, 224)
        with torch.inference_mode():
            expected = torch.jit.load(str(model))(images)
        self.assertTrue(torch.equal(expected, self.outputs("real.pt", images)))

    def test_an_order(self):
        names = [name for _, name, size in weights_of(self.dir / "net.pt") if size >= BLOCK]
        order = list(reversed(names))
        self.write("order.json", json.dumps([*order, "data/99"]))
        done = self.ends(FINE, "repack", "net.pt", "net.pt", "--order", "order.json")
        self.assertIn(f"net.pt: {len(names)} weights at blocks of 4 KiB", done.stdout)
        self.assertIn("`data/99` of the order is no weight of net.pt", done.stdout)
        after = [name for _, name, size in weights_of(self.dir / "net.pt") if size >= BLOCK]
        self.assertEqual(after, order)
        extra = {"raceway_order": ""}
        loaded = torch.jit.load(str(self.dir / "net.pt"), _extra_files=extra)
        self.assertEqual(json.loads(extra["raceway_order"]), [*order, "data/99"])
        self.assertTrue(torch.equal(self.module(self.inputs), loaded(self.inputs)))

    def test_exported_programs(self):
        program = torch.export.export(Net().eval(), (self.inputs,))
        torch.export.save(program, str(self.dir / "net.pt2"))
        self.ends(FINE, "repack", "net.pt2", "again.pt2")
        again = torch.export.load(str(self.dir / "again.pt2")).module()
        self.assertTrue(torch.equal(program.module()(self.inputs), again(self.inputs)))

    def test_what_is_no_model(self):
        self.write("text.pt", "no archive at all, though it is long enough")
        torch.save(self.module.state_dict(), str(self.dir / "weights.pt"))
        self.write("order.json", "{}")
        self.ends(REQUEST_FAILED, "repack", "text.pt", "out.pt", says="`text.pt`: is no whole archive")
        self.ends(USAGE, "repack", "weights.pt", "out.pt", says="`torch.save` writes no model")
        self.ends(MACHINE_LACKS, "repack", "none.pt", "out.pt", says="cannot read `none.pt`: No such")
        self.ends(MACHINE_LACKS, "repack", "net.pt", "no/out.pt", says="cannot write `no/out.pt`: No such")
        self.ends(USAGE, "repack", "net.pt", "out.pt", "--order", "order.json", says="a JSON list")
        self.ends(MACHINE_LACKS, "repack", "net.pt", "out.pt", "--order", "none.json", says="none.json")
        flipped = bytearray((self.dir / "net.pt").read_bytes())
        flipped[200] ^= 1
        self.write("flipped.pt", bytes(flipped))
        self.ends(REQUEST_FAILED, "repack", "flipped.pt", "out.pt", says=["data/0", "checksum"])
        self.assertFalse(list(self.dir.glob("out.pt*")))

    def test_an_interrupt_leaves_what_was_there(self):
        large = torch.nn.Linear(8192, 8192, bias=False)
        torch.jit.script(large).save(str(self.dir / "large.pt"))
        self.write("out.pt", "as it was")
        for number in range(6):
            process = subprocess.Popen(
                [str(cli.CLI), "repack", "large.pt", "out.pt"],
                cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            end = time.monotonic() + 60
            while not list(self.dir.glob("out.pt.part*")) and time.monotonic() < end:
                time.sleep(0.001)
            process.send_signal(signal.SIGTERM if number % 2 else signal.SIGINT)
            _, errors = process.communicate(timeout=120)
            if process.returncode == FINE:  # it was done before
                self.write("out.pt", "as it was")
                continue
            self.assertEqual(process.returncode, REQUEST_FAILED, errors)
            self.assertIn("cancelled: `out.pt` is as it was", errors)
        self.assertEqual((self.dir / "out.pt").read_text(), "as it was")
        self.assertFalse(list(self.dir.glob("out.pt.part*")))

    def test_the_help_teaches(self):
        text = self.ends(FINE, "repack", "--help").stdout
        for word in ["IN", "OUT", "--order", "--json", "in the order of their use", '["data/3", "data/0"]']:
            self.assertIn(word, text)


if __name__ == "__main__":
    main()
