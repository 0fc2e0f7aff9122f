#!/usr/bin/env python3
"""NOTICE names every library of the README's table and every package that carries model weights.

    .venv/bin/python tests/tools/notice_test.py
"""

import importlib.metadata
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTICE = (ROOT / "NOTICE").read_text()
WEIGHTS = {".pt", ".pth", ".pkl", ".jit", ".onnx", ".safetensors", ".bin", ".ckpt", ".npz"}
LEAST_BYTES = 100_000  # smaller ones are tables of numbers and data of tests


def names(text):
    """Whether NOTICE has it as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(text)}(?![\w-])", NOTICE, re.IGNORECASE)


def libraries():
    table = (ROOT / "README.md").read_text().split("## What it stands on")[1].split("\n## ")[0]
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 4 or cells[1] in ("library", "---") or set(cells[1]) == {"-"}:
            continue
        yield from (name.strip() for name in re.split(r",| and ", cells[1]) if name.strip())


def packages_with_weights():
    for file in ("tools/requirements.txt", "tools/requirements-test.txt"):
        for line in (ROOT / file).read_text().splitlines():
            name = line.split("#")[0].split("==")[0].strip()
            if not name or name == "torch":
                continue
            for part in importlib.metadata.files(name) or []:
                if part.suffix in WEIGHTS and (part.size or 0) >= LEAST_BYTES:
                    yield name
                    break


class NoticeTest(unittest.TestCase):
    def test_names_the_libraries(self):
        found = list(libraries())
        self.assertGreater(len(found), 8)
        for library in found:
            with self.subTest(library=library):
                self.assertTrue(names(library), f"NOTICE has no {library}")

    def test_names_the_packages_with_weights(self):
        found = list(packages_with_weights())
        self.assertIn("silero-vad", found)
        for package in found:
            with self.subTest(package=package):
                self.assertTrue(names(package), f"NOTICE has no {package}")


if __name__ == "__main__":
    unittest.main()
