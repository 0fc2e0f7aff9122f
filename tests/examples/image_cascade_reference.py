#!/usr/bin/env python3
"""The image cascade in plain Python: what examples/image_cascade.flow has to answer.

A small network (EfficientNet-lite0) looks at each photograph; where its confidence is below the
threshold, a bigger one (EfficientNet-lite2) decides. One JSON line a file, ids from 1:

    {"id": 2, "label": "Egyptian cat", "conf": 0.595, "by": "big"}

The models are those that tools/models/export.py made. Preprocessing: the shorter side to size + 32
(bicubic, antialiased, on bytes), centre crop to size, ImageNet's mean and deviation by channel, as
the package's README has it. TensorFlow's original of these networks used 0.498 and 0.502 instead;
with those the converted lite2 takes the rocket for a drilling platform.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)


def decode(path):
    """u8[height, width, 3], RGB."""
    return torch.from_numpy(numpy.asarray(Image.open(path).convert("RGB")).copy())


def resize(image, shorter):
    """The shorter side becomes `shorter`, the longer int(shorter * longer / shorter side)."""
    height, width = image.shape[:2]
    if height <= width:
        size = (shorter, int(shorter * width / height))
    else:
        size = (int(shorter * height / width), shorter)
    planes = image.permute(2, 0, 1).unsqueeze(0)
    planes = torch.nn.functional.interpolate(planes, size=size, mode="bicubic", antialias=True)
    return planes.squeeze(0).permute(1, 2, 0)


def crop(image, height, width):
    """The centre."""
    top = int(round((image.shape[0] - height) / 2.0))
    left = int(round((image.shape[1] - width) / 2.0))
    return image[top : top + height, left : left + width]


def normalise(image):
    """f32[3, height, width]."""
    return ((image.permute(2, 0, 1).to(torch.float32) / 255) - MEAN) / STD


class Classifier:
    """One exported network with its preprocessing."""

    def __init__(self, name, size):
        self.size = size
        self.model = torch.jit.load(str(ROOT / f"examples/models/{name}.pt"))

    def __call__(self, image):
        """(class, confidence) of the best class."""
        pixels = normalise(crop(resize(image, self.size + 32), self.size, self.size))
        with torch.inference_mode():
            confidence, index = torch.softmax(self.model(pixels.unsqueeze(0)), 1).max(1)
        return int(index), float(confidence)


def run_cascade(paths, threshold):
    """One dict a path: id from 1, label, conf, by."""
    labels = (ROOT / "examples/models/imagenet_labels.txt").read_text().splitlines()
    small = Classifier("efficientnet_lite0", 224)
    big = Classifier("efficientnet_lite2", 260)
    for number, path in enumerate(paths, start=1):
        image = decode(path)
        by, (index, confidence) = "small", small(image)
        if confidence < threshold:
            by, (index, confidence) = "big", big(image)
        yield {"id": number, "label": labels[index], "conf": confidence, "by": by}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--threshold", type=float, default=0.5)
    arguments = parser.parse_args()
    for row in run_cascade(arguments.files, arguments.threshold):
        print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
