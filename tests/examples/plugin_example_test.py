"""examples/plugin against the same computation in NumPy.

    tests/examples/plugin_example_test.py build/release/bin/raceway build/release/lib/libcolour.so
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

RACEWAY = COLOUR = Path()
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugin"


def blurred(px, radius):
    """The mean of the pixels at most `radius` away, rounded down."""
    height, width, _ = px.shape
    out = np.empty_like(px)
    for y in range(height):
        for x in range(width):
            around = px[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
            out[y, x] = around.astype(np.int64).sum(axis=(0, 1)) // (around.shape[0] * around.shape[1])
    return out


class PluginExampleTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="raceway-plugin-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        shutil.copy(EXAMPLE / "colour.flow", self.dir)
        shutil.copy(COLOUR, self.dir / "libcolour.so")

    def call(self, *words):
        return subprocess.run(
            [RACEWAY, *words], cwd=self.dir, capture_output=True, text=True, timeout=120,
            env=dict(os.environ, XDG_CACHE_HOME=str(self.dir / "cache")),
        )

    def rows(self, images):
        lines = []
        for i, (title, px, light) in enumerate(images):
            np.save(self.dir / f"{i}.npy", px)
            lines.append(json.dumps({"title": title, "px": {"npy": f"{i}.npy"}, "light": light}))
        (self.dir / "rows.jsonl").write_text("\n".join(lines) + "\n")
        return self.call("run", "colour.flow", "--rows", "rows.jsonl", "--json")

    def test_it_gives_what_numpy_gives(self):
        random = np.random.default_rng(3)
        images = [
            ("Chelsea the cat", random.integers(0, 256, (9, 7, 3), dtype=np.uint8), [0.5, 2.0]),
            ("Rocket", random.integers(0, 256, (1, 1, 3), dtype=np.uint8), [4.0]),
            ("a b c", random.integers(0, 256, (4, 12, 3), dtype=np.uint8), [1.0, 1.5, 3.0]),
        ]
        done = self.rows(images)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([row["short"] for row in rows], ["Ctc", "R", "abc"])
        for row, (_, px, light) in zip(rows, images):
            np.testing.assert_array_equal(np.array(row["px"], dtype=np.uint8), blurred(px, 2))
            self.assertAlmostEqual(row["mean"], float(np.mean(light)), places=5)

    def test_what_it_throws_names_function_and_row(self):
        black = np.zeros((2, 2, 3), dtype=np.uint8)
        done = self.rows([("a", black, [1.0]), (" ", black, [1.0])])
        self.assertEqual(done.returncode, 3)
        self.assertIn("initials: a name without letters", done.stderr)
        self.assertIn("row 2", done.stderr)

    def test_its_own_test_passes(self):
        done = self.call("test", "colour.flow")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    RACEWAY, COLOUR = (Path(word).resolve() for word in (sys.argv.pop(1), sys.argv.pop(1)))
    unittest.main()
