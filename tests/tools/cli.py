"""What the tests of the command line have in common: a folder with small models, and calls.

    tests/tools/NAME_test.py build/release/bin/raceway build/release/tests/raceway_test_models

Each test calls the program and looks at its exit code, what it prints, and whether that names
the place and the cause.
"""

import base64
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

FINE, FLOW_IS_WRONG, USAGE, REQUEST_FAILED, MACHINE_LACKS = range(5)

CLI = Path()
MODELS = Path()

DOUBLE = """edition 1

/// Rows with nothing above it are left out.
param limit: f32 in 0.0..10.0 = 0.0

model double(x: f32[2]) -> (y: f32[2]) {
  source: "double.pt"
}

flow twice(rows: { id: i64, name: string, x: f32[2] }) -> { id: i64, name: string, y: f32[2] } {
  return rows |> map(double) |> filter(max(y) > limit)
}
"""

DECODE = """edition 1

fn decode(image: bytes) -> (px: u8[H, W, 3]) { native: "image.decode" }

flow decoded(photos: { id: i64, image: bytes }) -> { id: i64, px: u8[H, W, 3] } {
  return photos |> map(decode)
}
"""

ROWS = """{"id": 1, "name": "one", "x": [1, 2.5]}
{"id": 2, "name": "two", "x": [-3, -4]}
{"id": 3, "name": "three", "x": [0, 100]}
"""

# 24 x 16 pixels.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4"
    "UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAQABgDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcI"
    "CQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRol"
    "JicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ip"
    "qrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAA"
    "AAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLR"
    "ChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaX"
    "mJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEA"
    "PwDlIbH2q9DYe1a8Fj7VowWHTiuWnL2hhhsdbqYkOne1FdSloE425PpRVSnh4PllLX5nv0sc+U//2Q=="
)


def png(width, height, color=(10, 20, 30)):
    """A PNG file of one colour."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = (b"\0" + bytes(color) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def npy(descr, shape, data, order="False"):
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + data


class CliTest(unittest.TestCase):
    """Each test has a folder of its own with the models in it."""

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="raceway-cli-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        for model in MODELS.glob("*.pt"):
            shutil.copy(model, self.dir)

    def write(self, name, content):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def call(self, *words, stdin=None, timeout=120, env=None):
        return subprocess.run(
            [str(CLI), *words],
            cwd=self.dir,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=env,
        )

    def ends(self, code, *words, says=(), stdin=None):
        """Calls the program; `says` are parts of what it must print on standard error."""
        done = self.call(*words, stdin=stdin)
        shown = f"raceway {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        self.assertEqual(done.returncode, code, shown)
        self.assertNotIn("terminate called", done.stderr, shown)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, done.stderr, shown)
        if code == FINE:
            self.assertEqual("", re.sub(r"(?s)warning\[.*", "", done.stderr), shown)
        else:
            self.assertNotEqual("", done.stderr, shown)
        return done

    def rows_of(self, done):
        return [json.loads(line) for line in done.stdout.splitlines()]

    def run_row(self, code, row, says=(), flow="twice.flow"):
        """Runs `twice.flow` on one line."""
        self.write("twice.flow", DOUBLE)
        self.write("row.jsonl", row)
        return self.ends(code, "run", flow, "--rows", "row.jsonl", "--json", says=says)


def main():
    """Runs the tests of the program that was started; words after the first two name some."""
    global CLI, MODELS
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} RACEWAY RACEWAY_TEST_MODELS [TEST...]")
    CLI = Path(sys.argv.pop(1)).resolve()
    maker = Path(sys.argv.pop(1)).resolve()
    with tempfile.TemporaryDirectory(prefix="raceway-models-") as folder:
        MODELS = Path(folder)
        subprocess.run([str(maker), folder], check=True)
        unittest.main(module="__main__")
