#!/usr/bin/env python3
"""The shared libraries offer what include/raceway declares, and nothing that is linked into them.

    tests/library/exports_test.py build/release/lib/libraceway.so build/release/lib/libraceway_compiler.so
"""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

HEADERS = Path(__file__).resolve().parents[2] / "tools/library/include/raceway"
# What programs may link, a name a line, below the number of the ABI.
PROMISED = Path(__file__).with_name("abi.txt")
libraries = []


def abi():
    return re.search(r"#define RACEWAY_ABI (\d+)", (HEADERS / "export.h").read_text())[1]


def exports(library):
    """(demangled name, version) of every dynamic symbol that it defines, but for the version's own."""
    command = ["nm", "--dynamic", "--defined-only", "--demangle", str(library)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    symbols = [line.split(maxsplit=2) for line in lines]
    return [symbol[2].rsplit("@@", 1) for symbol in symbols if symbol[1] != "A"]


def needed(library):
    command = ["readelf", "--dynamic", "--wide", str(library)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.findall(r"\((NEEDED|SONAME)\).*\[(.*)\]", text)


class ExportsTest(unittest.TestCase):
    def test_only_what_the_headers_declare(self):
        text = "".join(header.read_text() for header in HEADERS.glob("*.h"))
        for library in libraries:
            symbols = exports(library)
            self.assertTrue(symbols)
            for name, version in symbols:
                self.assertEqual(f"RACEWAY_{abi()}", version, name)
                self.assertTrue(name.startswith(f"raceway::v{abi()}::"), name)
                function = re.sub(r"\[abi:cxx11\]", "", name.split("(")[0])
                parts = function.split("::")[2:]
                self.assertNotIn("State", parts, name)
                self.assertIn(parts[-1], text, name)

    def test_nothing_that_was_promised_goes(self):
        names = sorted({name for library in libraries for name, _ in exports(library)})
        text = "".join(f"{line}\n" for line in (f"RACEWAY_ABI {abi()}", *names))
        if os.environ.get("RACEWAY_UPDATE_GOLDEN"):
            PROMISED.write_text(text)
        number, *promised = PROMISED.read_text().splitlines()
        hint = "RACEWAY_UPDATE_GOLDEN=1 writes abi.txt anew"
        self.assertEqual(f"RACEWAY_ABI {abi()}", number, hint)
        gone = set(promised) - set(names)
        self.assertFalse(gone, f"raise RACEWAY_ABI (export.h), then {hint}")
        self.assertEqual(promised, names, f"new ones: {hint}")

    def test_the_engine_needs_no_compiler(self):
        engine, compiler = (dict_of(needed(library)) for library in libraries)
        self.assertEqual([f"libraceway.so.{abi()}"], engine["SONAME"])
        self.assertEqual([f"libraceway_compiler.so.{abi()}"], compiler["SONAME"])
        self.assertFalse([name for name in engine["NEEDED"] if re.search("antlr|compiler", name)])
        self.assertIn(f"libraceway.so.{abi()}", compiler["NEEDED"])

    def test_the_number_of_the_abi_is_the_namespace(self):
        for header in HEADERS.glob("*.h"):
            text = header.read_text()
            if "namespace raceway" in text:
                self.assertIn(f"inline namespace v{abi()} {{", text, header.name)


def dict_of(pairs):
    lists = {}
    for key, value in pairs:
        lists.setdefault(key, []).append(value)
    return lists


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    libraries = [Path(sys.argv.pop(1)), Path(sys.argv.pop(1))]
    unittest.main()
