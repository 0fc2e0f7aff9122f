#!/usr/bin/env python3
"""The models of `tools/bench/run load`, and what the bench says of them.

    tests/tools/load_models_test.py build/release
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/models"))

import load_models  # noqa: E402
import torch  # noqa: E402

BUILD = ""
TINY = load_models.Transformer(words=96, width=32, layers=2, heads=4, key_heads=2, hidden=64)
UNTIED = load_models.Transformer(words=96, width=32, layers=2, heads=4, key_heads=4, hidden=64, is_tied=False)


class CacheTest(unittest.TestCase):
    """With a cache folder of its own, and shapes that are made in no time."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "load-models"
        patches = [
            mock.patch.dict(os.environ, RACEWAY_CACHE=folder.name),
            mock.patch.dict(load_models.OPT, tiny_opt=TINY),
            mock.patch.dict(load_models.LLAMA, tiny_llama=TINY, untied_llama=UNTIED),
            mock.patch.object(load_models, "say"),
        ]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)
        self.folder.mkdir()

    def make(self, name):
        load_models.make(name)
        return self.folder / f"{name}.pt"


class ExporterTest(CacheTest):
    def test_answers_are_numbers_of_the_kind_that_was_asked_for(self):
        ids = torch.arange(10).unsqueeze(0)
        for name in ("tiny_opt", "tiny_llama", "untied_llama", "tiny_opt-bf16", "tiny_llama-bf16"):
            logits = torch.jit.load(self.make(name))(ids)
            self.assertEqual((1, 96), tuple(logits.shape), name)
            self.assertEqual("bf16" in name, logits.dtype == torch.bfloat16, name)
            self.assertTrue(logits.isfinite().all(), name)
            self.assertGreater(logits.std(), 0.001, name)

    def test_tied_weights_are_written_once(self):
        sizes = {}
        for name in ("tiny_llama", "untied_llama"):
            with zipfile.ZipFile(self.make(name)) as archive:
                sizes[name] = [i.file_size for i in archive.infolist() if "/data/" in i.filename]
        table = TINY.words * TINY.width * 4
        self.assertEqual(1, sizes["tiny_llama"].count(table))
        self.assertEqual(2, sizes["untied_llama"].count(table))

    def test_weights_are_the_same_in_each_run(self):
        first = torch.jit.load(self.make("tiny_llama")).state_dict()
        (self.folder / "tiny_llama.pt").unlink()
        second = torch.jit.load(self.make("tiny_llama")).state_dict()
        for name, weights in first.items():
            self.assertTrue(torch.equal(weights, second[name]), name)

    def test_what_is_there_is_left_alone_and_what_is_damaged_is_not(self):
        path = self.make("tiny_opt")
        before = path.stat()
        self.assertEqual(before.st_mtime_ns, self.make("tiny_opt").stat().st_mtime_ns)
        os.truncate(path, before.st_size // 2)
        self.assertEqual(before.st_size, self.make("tiny_opt").stat().st_size)

    def test_nothing_is_left_beside_the_models(self):
        self.make("tiny_opt")
        self.assertEqual(["tiny_opt.json", "tiny_opt.pt"], sorted(p.name for p in self.folder.iterdir()))

    def test_a_full_disk_is_said_before_anything_is_written(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=load_models.SPARE_BYTES)):
            with self.assertRaises(SystemExit) as refused:
                self.make("tiny_opt")
        self.assertIn("GB", str(refused.exception))
        self.assertEqual([], list(self.folder.iterdir()))

    def test_shapes_have_the_sizes_of_the_paper(self):
        megabytes = {"resnet50": 98, "resnet152": 231, "vgg11": 506, "vgg19": 548}
        for shape, size in megabytes.items():
            made = load_models.num_bytes_of(load_models.make_network(shape), torch.float32)
            self.assertAlmostEqual(size, made / 2**20, delta=2, msg=shape)
        made = load_models.num_bytes_of(load_models.make_network("llama-1b"), torch.float32)
        self.assertAlmostEqual(4.94, made / 1e9, delta=0.01)


class BenchTest(CacheTest):
    def bench(self, *arguments):
        environment = dict(os.environ, RACEWAY_BUILD=BUILD)
        command = [ROOT / "tools/bench/run", "load", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def test_what_is_missing_is_said_with_the_command_that_makes_it(self):
        answer = self.bench("--quick")
        self.assertEqual(4, answer.returncode, answer.stderr)
        self.assertIn("load_models.py --only resnet50 vgg11", answer.stderr)

    def test_what_is_unknown_is_refused(self):
        for words in (["--part", "nothing"], ["--model", "nothing"], ["--part"], ["--minutes", "x"]):
            self.assertEqual(2, self.bench(*words).returncode, words)

    def test_names_are_those_of_the_exporter(self):
        answer = self.bench()
        self.assertEqual(4, answer.returncode, answer.stderr)
        missing = answer.stderr.split("--only ")[1].split()
        self.assertEqual(sorted(load_models.NAMES), sorted(missing))

    def test_a_model_with_its_limit(self):
        self.make("efficientnet")
        answer = self.bench("--quick", "--json", "--model", "efficientnet")
        self.assertEqual(0, answer.returncode, answer.stderr)
        metrics = json.loads(answer.stdout)["metrics"]
        for strategy in ("sequential", "pisel", "cicada", "raceway"):
            metric = metrics[f"efficientnet_2GBs_{strategy}"]
            self.assertGreater(metric["value"], 0)
            self.assertGreater(metric["baseline"], 25 / 2)  # 25 MB take that long, in ms
        self.assertLessEqual(metrics["efficientnet_2GBs_eta"]["value"], 1)
        self.assertEqual("value >= 39.9", metrics["below_pisel_2GBs"]["goal"])


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
