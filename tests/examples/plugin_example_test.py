"""examples/plugin against the same computation in NumPy.

    tests/examples/plugin_example_test.py build/release/bin/raceway build/release/lib/libcolour.so
"""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

RACEWAY = COLOUR = Path()
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EXAMPLE = EXAMPLES / "plugin"
PHOTOS = EXAMPLES / "photos"


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

    def test_it_gives_what_numpy_gives(self):
        photos = sorted(PHOTOS.glob("c*.png"))  # chelsea, coffee
        for photo in photos:
            with Image.open(photo) as image:
                image.convert("RGB").resize((90, 70)).save(self.dir / photo.name)
        done = self.call("run", "colour.flow", "soften", "--each", "image=*.png", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(rows), len(photos))
        for row, photo in zip(rows, photos):
            with Image.open(self.dir / photo.name) as image:
                px = np.asarray(image)
            with Image.open(io.BytesIO(base64.b64decode(row["soft"]["base64"]))) as image:
                np.testing.assert_array_equal(np.asarray(image), blurred(px, 2))
            self.assertAlmostEqual(row["light"], float(px.mean()), places=3)

    def test_people_see_a_table(self):
        done = self.call("run", "colour.flow", "soften", "--each", f"image={PHOTOS}/c*.png")
        self.assertEqual(done.returncode, 0, done.stderr)
        heading, *rows = done.stdout.splitlines()
        self.assertEqual(heading.split(), ["id", "light", "soft"])
        self.assertEqual(len(rows), 2)

    def test_what_it_throws_names_function_and_row(self):
        (self.dir / "rows.jsonl").write_text('{"name": "a"}\n{"name": " "}\n')
        done = self.call("run", "colour.flow", "sign", "--rows", "rows.jsonl")
        self.assertEqual(done.returncode, 3)
        self.assertIn("initials: a name without letters", done.stderr)
        self.assertIn("row 2", done.stderr)

    def test_its_own_test_passes(self):
        done = self.call("test", "colour.flow")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    RACEWAY, COLOUR = (Path(word).resolve() for word in (sys.argv.pop(1), sys.argv.pop(1)))
    unittest.main()
