#!/usr/bin/env python3
"""examples/voice.flow finds speech where the package silero-vad finds it.

    .venv/bin/python tests/examples/voice_test.py build/release/bin/raceway

The recordings are spoken by espeak-ng when the test runs: two sentences with silence around them,
one sentence, and silence alone.
"""

import array
import shutil
import subprocess
import tempfile
import unittest
import wave
from pathlib import Path

import running
import torch
import torchaudio
from silero_vad.utils_vad import get_speech_timestamps


def speak(text, folder):
    """(samples of 16 bits, rate)"""
    path = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", "en", "-w", str(path), text], check=True)
    with wave.open(str(path)) as spoken:
        samples = array.array("h")
        samples.frombytes(spoken.readframes(spoken.getnframes()))
        return samples, spoken.getframerate()


def write_wav(path, samples, rate):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())


def expected(samples, rate):
    """[(begin, end)] in seconds, by the package."""
    sound = torch.tensor(samples, dtype=torch.float32) / 32768.0
    sound = torchaudio.functional.resample(sound, rate, 16000)
    model = torch.jit.load(str(running.ROOT / "examples/models/silero_vad.pt"))
    found = get_speech_timestamps(sound, model)
    return [(one["start"] / 16000, one["end"] / 16000) for one in found]


class VoiceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("espeak-ng") is None:
            raise AssertionError("no espeak-ng; run tools/setup")
        cls.folder = Path(tempfile.mkdtemp(prefix="raceway-voice-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        first, rate = speak("The quick brown fox jumps over the lazy dog.", cls.folder)
        second, _ = speak("Models run one after another, and answer at once.", cls.folder)
        pause = array.array("h", [0] * rate)
        recordings = [pause + first + pause + second + pause, second, pause + pause]
        cls.expected = []
        cls.audio = cls.folder / "recordings"
        cls.audio.mkdir()
        for number, samples in enumerate(recordings, start=1):
            write_wav(cls.audio / f"{number}.wav", samples, rate)
            cls.expected += [(number, *found) for found in expected(samples, rate)]

    def test_finds_speech_where_the_package_does(self):
        rows = running.run_flow("examples/voice.flow", "--each", f"audio={self.audio}/*.wav")
        self.assertEqual(len(rows), len(self.expected))
        for row, (number, begin, end) in zip(rows, self.expected):
            self.assertEqual(row["id"], number)
            self.assertAlmostEqual(row["begin"], begin, delta=1e-4)
            self.assertAlmostEqual(row["end"], end, delta=1e-4)

    def test_the_recordings_are_what_one_hears(self):
        ids = [number for number, _, _ in self.expected]
        self.assertGreaterEqual(ids.count(1), 2, "two sentences")
        self.assertGreaterEqual(ids.count(2), 1, "one sentence")
        self.assertEqual(ids.count(3), 0, "silence")


if __name__ == "__main__":
    running.main()
