#!/usr/bin/env python3
"""Makes the models of examples/voice.flow, offline, from the pinned package silero-vad.

examples/models/silero_vad.pt        as the package ships it; its method `audio_forward` takes
                                     f32[rows, samples] and a rate, and gives f32[rows, pieces]
examples/models/silero_vad.pt.json   what it takes and gives: it does not work on zeros
examples/models/speech_segments.pt   probabilities -> seconds where speech begins and ends, by the
                                     rules of the package's `get_speech_timestamps`

Run with the environment that tools/setup made: .venv/bin/python tools/models/export_voice.py
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import List, Tuple

import torch

from export import MODELS, write_atomically

SIDECAR = {
    "inputs": [{"name": "x", "type": "f32[M]"}, {"name": "sr", "type": "i64"}],
    "outputs": [{"name": "speech", "type": "f32[P]"}],
}


class SpeechSegments(torch.nn.Module):
    """Speech begins where a probability reaches the threshold, and ends where it stays 0.15 below
    for 100 ms; what is shorter than 250 ms is none; 30 ms are added at both ends."""

    def forward(
        self, speech: List[torch.Tensor], samples: List[int], threshold: List[float]
    ) -> Tuple[List[torch.Tensor], List[torch.Tensor]]:
        begins: List[torch.Tensor] = []
        ends: List[torch.Tensor] = []
        for row in range(len(speech)):
            likely: List[float] = speech[row].tolist()
            found = self.stretches(likely, samples[row], threshold[row])
            seconds = torch.tensor(found, dtype=torch.float32).reshape([-1, 2]) / 16000.0
            begins.append(seconds[:, 0])
            ends.append(seconds[:, 1])
        return begins, ends

    def stretches(
        self, speech: List[float], num_samples: int, threshold: float
    ) -> List[List[int]]:
        """[first sample, last sample) of each."""
        pad = 480
        lower = max(threshold - 0.15, 0.01)
        found: List[List[int]] = []
        begin = -1
        silent_since = 0
        for i in range(len(speech)):
            sample = 512 * i
            if speech[i] >= threshold:
                silent_since = 0
                if begin < 0:
                    begin = sample
            elif speech[i] < lower and begin >= 0:
                if silent_since == 0:
                    silent_since = sample
                if sample - silent_since >= 1600:
                    if silent_since - begin > 4000:
                        found.append([begin, silent_since])
                    begin = -1
                    silent_since = 0
        if begin >= 0 and num_samples - begin > 4000:
            found.append([begin, num_samples])
        for i in range(len(found)):
            if i == 0:
                found[i][0] = max(0, found[i][0] - pad)
            if i + 1 == len(found):
                found[i][1] = min(num_samples, found[i][1] + pad)
            else:
                silence = found[i + 1][0] - found[i][1]
                share = silence // 2 if silence < 2 * pad else pad
                found[i][1] = min(num_samples, found[i][1] + share)
                found[i + 1][0] = max(0, found[i + 1][0] - share)
        return found


def main():
    spec = importlib.util.find_spec("silero_vad")
    if spec is None:
        raise SystemExit("no package silero-vad; run tools/setup")
    shipped = Path(spec.origin).parent / "data/silero_vad.jit"
    write_atomically(
        MODELS / "silero_vad.pt", lambda path: path.write_bytes(shipped.read_bytes())
    )
    text = json.dumps(SIDECAR, indent=1) + "\n"
    write_atomically(MODELS / "silero_vad.pt.json", lambda path: path.write_text(text))
    segments = torch.jit.script(SpeechSegments().eval())
    write_atomically(MODELS / "speech_segments.pt", lambda path: segments.save(str(path)))
    print("exported: examples/models, for voice.flow")
    return 0


if __name__ == "__main__":
    sys.exit(main())
