#!/usr/bin/env python3
"""Models of half a gigabyte and more answer as they do in plain Python, side by side in one flow.

    .venv/bin/python tests/examples/large_models_test.py build/release/bin/raceway

VGG-16 (528 MiB) and ViT-L/16 (1.1 GiB) of torchvision with random weights: right for size and
shape, never for accuracy. They are written to a temporary folder and removed.
"""

import shutil
import tempfile
import unittest
import warnings
from pathlib import Path

import numpy
import running
import torch
import torchvision

NEEDED_BYTES = 4 << 30
ROWS = 3
FLOW = """edition 1
schema Picture { id: i64, x: f32[3, 224, 224] }
model wide(x: f32[3, 224, 224]) -> (wide_logits: f32[1000]) { source: "vgg16.pt" }
model deep(x: f32[3, 224, 224]) -> (deep_logits: f32[1000]) { source: "vit_l_16.pt" }
flow both(rows: Picture) -> { id: i64, wide_logits: f32[1000], deep_logits: f32[1000] } {
  return rows |> map(wide) |> map(deep) |> select(id, wide_logits, deep_logits)
}
"""


def export(name, folder, pictures):
    """Writes folder/name.pt and returns what the network answers."""
    torch.manual_seed(1)
    network = getattr(torchvision.models, name)(weights=None).eval()
    if name == "vit_l_16":  # its head begins as zeros, and would answer zeros
        torch.nn.init.normal_(network.heads.head.weight, std=0.1)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, and notes every Python branch
        torch.jit.trace(network, pictures[:2], check_trace=False).save(str(folder / f"{name}.pt"))
        return network(pictures).numpy()


class LargeModelsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="raceway-large-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        free = shutil.disk_usage(cls.folder).free
        if free < NEEDED_BYTES:
            raise unittest.SkipTest(f"needs {NEEDED_BYTES >> 30} GiB of disk, {free >> 20} MiB free")
        pictures = torch.rand(ROWS, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        cls.expected = {
            "wide_logits": export("vgg16", cls.folder, pictures),
            "deep_logits": export("vit_l_16", cls.folder, pictures),
        }
        (cls.folder / "both.flow").write_text(FLOW)
        for row, picture in enumerate(pictures):
            numpy.save(cls.folder / f"{row}.npy", picture.numpy())
        rows = [{"id": row, "x": {"npy": f"{row}.npy"}} for row in range(ROWS)]
        running.write_rows(cls.folder / "rows.jsonl", rows)

    def test_answers_as_python_does(self):
        rows = running.run_flow("both.flow", "--rows", "rows.jsonl", folder=self.folder)
        self.assertEqual([row["id"] for row in rows], list(range(ROWS)))
        for column, expected in self.expected.items():
            self.assertGreater(numpy.ptp(expected), 0.01, f"{column} says nothing")
            for row in rows:
                numpy.testing.assert_allclose(
                    row[column], expected[row["id"]], atol=1e-4, rtol=0, err_msg=column
                )


if __name__ == "__main__":
    running.main()
