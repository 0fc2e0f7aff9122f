#!/usr/bin/env python3
"""Native functions answer as the Python packages do whose work they are.

    .venv/bin/python tests/operators/functions_test.py build/release/bin/raceway

Each test runs a small flow over rows made here and compares what comes out with the package.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import unittest
import wave
from pathlib import Path

import numpy
import torch

ROOT = Path(__file__).resolve().parents[2]
cli = ROOT / "build/release/bin/raceway"


class FlowTest(unittest.TestCase):
    """Has a folder of its own, and runs flows there."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="raceway-functions-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_flow(self, text, rows):
        """The rows that a flow makes of `rows`; tensors among their values travel as .npy."""
        (self.folder / "f.flow").write_text("edition 1\n" + text)
        with open(self.folder / "rows.jsonl", "w") as lines:
            for number, row in enumerate(rows):
                for name, value in row.items():
                    if isinstance(value, torch.Tensor):
                        value = value.numpy()
                    if isinstance(value, numpy.ndarray):
                        numpy.save(self.folder / f"{name}{number}.npy", value)
                        row = row | {name: {"npy": f"{name}{number}.npy"}}
                    elif isinstance(value, bytes):
                        (self.folder / f"{name}{number}").write_bytes(value)
                        row = row | {name: {"file": f"{name}{number}"}}
                lines.write(json.dumps(row) + "\n")
        command = [str(cli), "run", "f.flow", "--rows", "rows.jsonl", "--json"]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=300
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]


def assert_near(got, expected, tolerance, what=""):
    numpy.testing.assert_allclose(
        numpy.asarray(got), numpy.asarray(expected), atol=tolerance, rtol=0, err_msg=what
    )


class AudioTest(FlowTest):
    def test_resamples_as_torchaudio_does(self):
        import torchaudio

        generator = torch.Generator().manual_seed(0)
        rates = [(44100, 16000), (8000, 16000), (16000, 8000), (48000, 44100), (22050, 16000)]
        rates += [(1000, 997), (11025, 48000), (16000, 16000), (96000, 16000)]
        for target in {to for _, to in rates}:
            sounds = [
                (torch.rand(length, generator=generator) * 2 - 1, rate)
                for rate, to in rates
                if to == target
                for length in (1, 100, 5000)
            ]
            got = self.run_flow(
                f"""
                fn at_rate(samples: f32[N], rate: i64) -> (out: f32[M]) {{
                  native: "audio.resample", to: {target}
                }}
                flow f(rows: {{ samples: f32[N], rate: i64 }}) -> {{ out: f32[_] }} {{
                  return rows |> map(at_rate) |> select(out)
                }}""",
                [{"samples": samples, "rate": rate} for samples, rate in sounds],
            )
            self.assertEqual(len(got), len(sounds))
            for row, (samples, rate) in zip(got, sounds):
                # In doubles: in floats its own kernel is off by up to 2e-5.
                expected = torchaudio.functional.resample(samples.double(), rate, target)
                assert_near(row["out"], expected, 1e-6, f"{len(samples)} at {rate} to {target}")

    def test_decodes_wav_as_the_standard_library_reads_it(self):
        generator = numpy.random.default_rng(0)
        for num_channels in (1, 2, 6):
            for width, scale in ((2, 2**15), (4, 2**31)):
                samples = generator.integers(-scale, scale, (300, num_channels))
                file = io.BytesIO()
                with wave.open(file, "wb") as writer:
                    writer.setnchannels(num_channels)
                    writer.setsampwidth(width)
                    writer.setframerate(22050)
                    writer.writeframes(samples.astype(f"<i{width}").tobytes())
                (got,) = self.run_flow(
                    """
                    fn decode(wav: bytes) -> (samples: f32[N], rate: i64) {
                      native: "audio.decode_wav"
                    }
                    flow f(rows: { wav: bytes }) -> { samples: f32[_], rate: i64 } {
                      return rows |> map(decode) |> select(samples, rate)
                    }""",
                    [{"wav": file.getvalue()}],
                )
                self.assertEqual(got["rate"], 22050)
                assert_near(got["samples"], samples.mean(axis=1) / scale, 1e-6)


class ImageTest(FlowTest):
    def setUp(self):
        super().setUp()
        self.generator = torch.Generator().manual_seed(0)

    def random(self, *shape):
        return torch.rand(*shape, generator=self.generator)

    def image(self, height, width):
        return (self.random(height, width, 3) * 256).to(torch.uint8)

    def test_letterboxes_as_resize_and_pad_do(self):
        images = [self.image(*size) for size in ((30, 50), (70, 20), (64, 64), (200, 333), (3, 90))]
        got = self.run_flow(
            """
            fn box(px: u8[H, W, 3]) -> (square: u8[64, 64, 3], scale: f32, offset: f32[2]) {
              native: "image.letterbox"
            }
            flow f(rows: { px: u8[H, W, 3] }) -> {
              square: u8[64, 64, 3]
              scale: f32
              offset: f32[2]
            } {
              return rows |> map(box) |> select(square, scale, offset)
            }""",
            [{"px": image} for image in images],
        )
        for row, image in zip(got, images):
            height, width = image.shape[:2]
            scale = min(64 / height, 64 / width)
            size = (max(1, round(height * scale)), max(1, round(width * scale)))
            planes = image.permute(2, 0, 1).unsqueeze(0)
            if size != (height, width):
                planes = torch.nn.functional.interpolate(
                    planes, size=size, mode="bilinear", antialias=True
                )
            top, left = (64 - size[0]) // 2, (64 - size[1]) // 2
            sides = (left, 64 - size[1] - left, top, 64 - size[0] - top)
            expected = torch.nn.functional.pad(planes, sides, value=114)[0].permute(1, 2, 0)
            numpy.testing.assert_array_equal(numpy.asarray(row["square"]), expected.numpy())
            assert_near(row["scale"], scale, 1e-6)
            self.assertEqual(row["offset"], [left, top])

    def test_crops_as_slices_and_interpolate_do(self):
        image = self.image(60, 80)
        corners = self.random(40, 2) * torch.tensor([70.0, 50.0])
        boxes = torch.cat([corners, corners + self.random(40, 2) * 30 + 1], 1)
        for mode, options in (("bilinear", {"antialias": True}), ("area", {})):
            (got,) = self.run_flow(
                f"""
                fn crop(px: u8[H, W, 3], boxes: f32[N, 4]) -> (crops: u8[N, 9, 7, 3]) {{
                  native: "image.crop_boxes", filter: "{mode}"
                }}
                flow f(rows: {{ px: u8[H, W, 3], boxes: f32[N, 4] }}) -> {{
                  crops: u8[_, 9, 7, 3]
                }} {{
                  return rows |> map(crop) |> select(crops)
                }}""",
                [{"px": image, "boxes": boxes}],
            )
            for crop, (x1, y1, x2, y2) in zip(got["crops"], boxes.tolist(), strict=True):
                part = image[int(y1) : -int(-y2 // 1), int(x1) : -int(-x2 // 1)]
                planes = part.permute(2, 0, 1).unsqueeze(0)
                planes = planes.float() if mode == "area" else planes
                expected = torch.nn.functional.interpolate(planes, (9, 7), mode=mode, **options)
                expected = expected[0].permute(1, 2, 0).round().to(torch.uint8)
                numpy.testing.assert_array_equal(numpy.asarray(crop), expected.numpy())

    def test_suppresses_as_torchvision_does(self):
        from torchvision.ops import batched_nms, nms

        for overlap in (0.0, 0.3, 0.5, 0.9, 1.0):
            rows = []
            for count in (0, 1, 2, 50, 400):
                corners = self.random(count, 2) * 100
                boxes = torch.cat([corners, corners + self.random(count, 2) * 60], 1)
                scores = (self.random(count) * 50).round() / 50  # some are equal
                classes = (self.random(count) * 3).long()
                rows.append({"boxes": boxes, "scores": scores, "classes": classes})
            got = self.run_flow(
                f"""
                fn nms(boxes: f32[N, 4], scores: f32[N]) -> (kept: i64[K]) {{
                  native: "boxes.nms", overlap: {overlap}
                }}
                fn by_class(boxes: f32[N, 4], scores: f32[N], classes: i64[N]) -> (each: i64[K]) {{
                  native: "boxes.nms_by_class", overlap: {overlap}
                }}
                flow f(rows: {{ boxes: f32[N, 4], scores: f32[N], classes: i64[N] }}) -> {{
                  kept: i64[_]
                  each: i64[_]
                }} {{
                  return rows |> map(nms) |> map(by_class) |> select(kept, each)
                }}""",
                rows,
            )
            for answer, row in zip(got, rows, strict=True):
                boxes, scores, classes = row["boxes"], row["scores"], row["classes"]
                self.assertEqual(answer["kept"], nms(boxes, scores, overlap).tolist())
                expected = batched_nms(boxes, scores, classes, overlap).tolist()
                expected.sort(key=lambda i: (-float(scores[i]), i))  # its order of equals is open
                self.assertEqual(answer["each"], expected)


def main():
    global cli
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cli", nargs="?", type=Path, default=cli)
    cli = parser.parse_args().cli.resolve()
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
