#!/usr/bin/env python3
"""examples/faces.flow finds the faces that the package facenet-pytorch finds.

    .venv/bin/python tests/examples/faces_test.py build/release/bin/raceway

The face of the astronaut is within a pixel of the package's. The flow's images are bytes at every
step where the package goes on with fractions; with its images rounded, too, the package gives the
same boxes in all photographs to 0.01 pixels. What is drawn has its frame where the box is.
"""

import base64
import io
import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy
import running
import torch
from PIL import Image
from running import PHOTOS, ROOT

sys.path.insert(0, str(ROOT / "tools/models"))
import mtcnn  # noqa: E402: the nets' package, without what it wants for downloads

RED = (255, 48, 48)


def run_flow(flow, photos):
    return running.run_flow("examples/faces.flow", flow, "--each", f"image={photos}")


class Reference:
    """The package's own search, on its own weights."""

    def __init__(self):
        self.package = mtcnn.facenet()
        weights = Path(self.package.__file__).parents[1] / "data"
        self.nets = []
        for name in ("PNet", "RNet", "ONet"):
            net = getattr(self.package, name)(pretrained=False)
            net.load_state_dict(torch.load(weights / f"{name.lower()}.pt", weights_only=True))
            self.nets.append(net.eval())

    def faces(self, path):
        """x1, y1, x2, y2 and the score of each."""
        with torch.no_grad():
            boxes, _ = self.package.detect_face(
                Image.open(path).convert("RGB"), 20, *self.nets, [0.6, 0.7, 0.7], 0.709, "cpu"
            )
        return numpy.asarray(boxes[0], dtype=float).reshape(-1, 5)

    def faces_of_bytes(self, path):
        """The same with every resized image rounded."""
        module = sys.modules["facenet_pytorch.models.utils.detect_face"]
        whole = module.imresample
        with mock.patch.object(module, "imresample", lambda im, size: whole(im, size).round()):
            return self.faces(path)


class FacesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reference = Reference()

    def test_the_astronaut_has_one_face(self):
        (got,) = run_flow("faces", "examples/photos/astronaut.png")
        (expected,) = self.reference.faces(ROOT / "examples/photos/astronaut.png")
        numpy.testing.assert_allclose(got["box"], expected[:4], atol=1.0, rtol=0)
        self.assertAlmostEqual(got["score"], expected[4], delta=1e-4)

    def test_all_photographs_are_answered_as_by_the_package_on_bytes(self):
        self.assertEqual(len(PHOTOS), 5, "run tools/models/export.py")
        got = run_flow("faces", "examples/photos/*")
        for number, path in enumerate(PHOTOS, start=1):
            faces = [row["box"] + [row["score"]] for row in got if row["id"] == number]
            expected = self.reference.faces_of_bytes(path)
            with self.subTest(photo=path.name):
                self.assertEqual(len(faces), len(expected))
                expected = expected[numpy.argsort(-expected[:, 4], kind="stable")]
                if len(faces) > 0:
                    faces = numpy.asarray(faces)
                    numpy.testing.assert_allclose(faces[:, :4], expected[:, :4], atol=0.01, rtol=0)
                    numpy.testing.assert_allclose(faces[:, 4], expected[:, 4], atol=1e-4, rtol=0)

    def test_the_frame_is_around_the_face(self):
        (face,) = run_flow("faces", "examples/photos/astronaut.png")
        (picture,) = run_flow("framed", "examples/photos/astronaut.png")
        drawn = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(picture["image"]["base64"]))))
        before = numpy.asarray(Image.open(ROOT / "examples/photos/astronaut.png").convert("RGB"))
        x1, y1, x2, y2 = (round(side) for side in face["box"])
        frame = numpy.zeros(before.shape[:2], dtype=bool)
        frame[y1:y2, x1:x2] = True
        frame[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3] = False
        self.assertTrue((drawn[frame] == RED).all())
        numpy.testing.assert_array_equal(drawn[~frame], before[~frame])


if __name__ == "__main__":
    running.main()
