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
