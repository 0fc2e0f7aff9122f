#!/usr/bin/env python3
"""Writes the models that `tools/bench/run load` loads: the shapes of the Cicada paper, as TorchScript.

    .venv/bin/python tools/models/load_models.py                          all of them, 25 GB
    .venv/bin/python tools/models/load_models.py --only resnet50 vgg11    these
    .venv/bin/python tools/models/load_models.py --list                   what there is

resnet50 … vgg19      f32[rows, 3, 224, 224] -> logits f32[rows, 1000]; torchvision's, traced
opt-*, llama-*        i64[rows, length] -> logits of the next word f32[rows, words]; scripted
minilm, efficientnet  those of examples/models, with their real weights
NAME-bf16             the same in bf16; tokens stay i64, images and logits become bf16

All others have random weights, the same in each run. They lie in load-models of the cache folder
(RACEWAY_CACHE, ~/.cache/raceway), with a record of what made them; a second run makes what is
missing. Weights are mapped files until the archive is written, so a model of 6 GB takes little
memory, but twice its size on disk meanwhile.
"""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import export
import package_search

VERSION = 1  # of what is written: raise it, and all models are made again
SPARE_BYTES = 2 << 30  # of the disk, that are left alone


@dataclass(frozen=True)
class Transformer:
    words: int
    width: int
    layers: int
    heads: int
    key_heads: int  # fewer than heads: groups of heads share keys and values
    hidden: int
    is_tied: bool = True  # the last layer is the table of the first


VISION = ("resnet50", "resnet101", "resnet152", "vgg11", "vgg16", "vgg19")
OPT = {
    "opt-125m": Transformer(50272, 768, 12, 12, 12, 3072),
    "opt-1.3b": Transformer(50272, 2048, 24, 32, 32, 8192),
}
LLAMA = {
    "llama-160m": Transformer(32000, 768, 12, 12, 12, 3072, is_tied=False),
    "llama-1b": Transformer(128256, 2048, 16, 32, 8, 8192),  # LLaMA-3.2's
    "llama-3b": Transformer(128256, 3072, 28, 24, 8, 8192),
}
REAL = {"minilm": "minilm.pt", "efficientnet": "efficientnet_lite2.pt"}
ONLY_BF16 = ("llama-3b",)  # 12.8 GB in f32

SHAPES = (*VISION, *OPT, *LLAMA, *REAL)
NAMES = tuple(
    name for shape in SHAPES for name in (shape, f"{shape}-bf16") if name not in ONLY_BF16
)


def folder():
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("RACEWAY_CACHE") or home / "raceway") / "load-models"


def say(text):
    print(text, flush=True)


# --- networks, written for torch.jit.script: attributes in the order of their use ---


def make_opt(shape):
    import torch
    from torch import nn
    from torch.nn import functional

    head_width = shape.width // shape.heads

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention_norm = nn.LayerNorm(shape.width)
            self.query, self.key, self.value = (nn.Linear(shape.width, shape.width) for _ in range(3))
            self.attended = nn.Linear(shape.width, shape.width)
            self.norm = nn.LayerNorm(shape.width)
            self.wide = nn.Linear(shape.width, shape.hidden)
            self.narrow = nn.Linear(shape.hidden, shape.width)
            self.head_width: int = head_width

        def by_head(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(x.shape[0], x.shape[1], -1, self.head_width).transpose(1, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.attention_norm(x)
            query, key = self.by_head(self.query(y)), self.by_head(self.key(y))
            value = self.by_head(self.value(y))
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.attended(seen.transpose(1, 2).reshape(x.shape))
            return x + self.narrow(functional.relu(self.wide(self.norm(x))))

    class Opt(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(shape.words, shape.width)
            self.places = nn.Embedding(2050, shape.width)
            self.layers = nn.ModuleList(Layer() for _ in range(shape.layers))
            self.norm = nn.LayerNorm(shape.width)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            x = self.words(ids) + self.places.weight[2 : 2 + ids.shape[1]]
            for layer in self.layers:
                x = layer(x)
            return functional.linear(self.norm(x[:, -1]), self.words.weight)

    return Opt()


def make_llama(shape):
    import torch
    from torch import nn
    from torch.nn import functional

    head_width = shape.width // shape.heads
    key_width = shape.key_heads * head_width

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention_norm = nn.RMSNorm(shape.width, eps=1e-5)
            self.query = nn.Linear(shape.width, shape.width, bias=False)
            self.key, self.value = (nn.Linear(shape.width, key_width, bias=False) for _ in range(2))
            self.attended = nn.Linear(shape.width, shape.width, bias=False)
            self.norm = nn.RMSNorm(shape.width, eps=1e-5)
            self.gate, self.wide = (nn.Linear(shape.width, shape.hidden, bias=False) for _ in range(2))
            self.narrow = nn.Linear(shape.hidden, shape.width, bias=False)
            self.head_width: int = head_width
            self.heads_of_a_key: int = shape.heads // shape.key_heads

        def by_head(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(x.shape[0], x.shape[1], -1, self.head_width).transpose(1, 2)

        def turn(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
            low, high = x.chunk(2, dim=-1)
            return x * cos + torch.cat((-high, low), dim=-1) * sin

        def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
            y = self.attention_norm(x)
            query = self.turn(self.by_head(self.query(y)), cos, sin)
            key = self.turn(self.by_head(self.key(y)), cos, sin)
            value = self.by_head(self.value(y))
            key = key.repeat_interleave(self.heads_of_a_key, dim=1)
            value = value.repeat_interleave(self.heads_of_a_key, dim=1)
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.attended(seen.transpose(1, 2).reshape(x.shape))
            y = self.norm(x)
            return x + self.narrow(functional.silu(self.gate(y)) * self.wide(y))

    class Llama(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(shape.words, shape.width)
            self.layers = nn.ModuleList(Layer() for _ in range(shape.layers))
            self.norm = nn.RMSNorm(shape.width, eps=1e-5)
            self.next = nn.Linear(shape.width, shape.words, bias=False)
            if shape.is_tied:
                self.next.weight = self.words.weight
            self.head_width: int = head_width

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            x = self.words(ids)
            pairs = torch.arange(0, self.head_width, 2, dtype=torch.float32)
            turns = torch.arange(ids.shape[1]).outer(500000.0 ** (-pairs / self.head_width))
            turns = torch.cat((turns, turns), dim=-1)
            cos, sin = turns.cos().to(x.dtype), turns.sin().to(x.dtype)
            for layer in self.layers:
                x = layer(x, cos, sin)
            return self.next(self.norm(x[:, -1]))

    return Llama()


def make_network(shape):
    """The network, without memory for its weights."""
    import torch
    import torchvision

    with torch.device("meta"):
        if shape in VISION:
            return torchvision.models.get_model(shape, weights=None)
        return make_opt(OPT[shape]) if shape in OPT else make_llama(LLAMA[shape])


# --- weights ---


def fill(tensor, name):
    """Random as to each name, and such that activations neither vanish nor overflow."""
    import torch

    if tensor.dim() > 1:
        random = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        is_table = "words" in name or "places" in name
        inputs = tensor[0].numel()
        tensor.normal_(std=0.02 if is_table else math.sqrt(1.5 / inputs), generator=random)
    elif name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
        tensor.fill_(1)
    else:
        tensor.zero_()


def give_weights(network, dtype, scratch):
    """Puts weights of `dtype` in place of those that are only shapes; they lie in mapped files that
    have no name any more. Tied ones stay tied."""
    import torch

    places = {}  # of each tensor, however often it is used
    for path, module in network.named_modules():
        for table in (module._parameters, module._buffers):
            for name, tensor in table.items():
                if tensor is not None:
                    places.setdefault(id(tensor), []).append((table, name, f"{path}.{name}", tensor))
    total = sum(uses[0][3].numel() for uses in places.values())
    done, said = 0, time.monotonic()
    for uses in places.values():
        tensor = uses[0][3]
        kind = dtype if tensor.is_floating_point() else tensor.dtype
        file = scratch / "weights"
        weights = torch.from_file(str(file), shared=True, size=tensor.numel(), dtype=kind)
        file.unlink()
        weights = weights.view(tensor.shape)
        fill(weights, uses[0][2])
        for table, name, _, _ in uses:
            is_parameter = isinstance(tensor, torch.nn.Parameter)
            table[name] = torch.nn.Parameter(weights, False) if is_parameter else weights
        done += tensor.numel()
        if time.monotonic() - said > 10:
            said = time.monotonic()
            say(f"    {100 * done // total} % of the weights")
    return network


def num_bytes_of(network, dtype):
    unique = {id(t): t for t in (*network.parameters(), *network.buffers())}
    return sum(t.numel() for t in unique.values()) * dtype.itemsize


def check_space(num_bytes, name):
    free = shutil.disk_usage(folder()).free
    if free < num_bytes + SPARE_BYTES:
        raise SystemExit(
            f"{name} needs {num_bytes / 1e9:.1f} GB in {folder()} while it is made, and "
            f"{SPARE_BYTES / 1e9:.1f} GB should stay free; there are {free / 1e9:.1f} GB"
        )


def export_random(shape, dtype, name, path):
    import torch

    network = make_network(shape)
    num_bytes = num_bytes_of(network, dtype)
    say(f"… {name}, {num_bytes / 1e9:.2f} GB")
    check_space(2 * num_bytes, name)
    with tempfile.TemporaryDirectory(dir=folder(), prefix=".weights.") as scratch:
        give_weights(network, dtype, Path(scratch)).eval()
        with torch.no_grad():
            if shape in VISION:
                image = torch.zeros(1, 3, 224, 224, dtype=dtype)
                archive = torch.jit.trace(network, image, check_trace=False)
            else:
                archive = torch.jit.script(network)
        export.write_atomically(path, lambda temporary: archive.save(str(temporary)))


def trace_minilm(dtype):
    """Anew: what it turns into floats is f32 in the archive, whatever its weights are."""
    import torch

    ids = torch.ones(1, 128, dtype=torch.int64)
    with torch.no_grad():
        network = package_search.make_minilm().to(dtype)
        return torch.jit.trace(network, (ids, torch.ones_like(ids)), check_trace=False)


def export_real(shape, dtype, name, path):
    import torch

    source = export.MODELS / REAL[shape]
    if not source.is_file():
        raise SystemExit(f"no {source}; run .venv/bin/python tools/models/export.py --all")
    say(f"… {name}, {source.stat().st_size * dtype.itemsize / 4e9:.2f} GB")
    check_space(source.stat().st_size, name)
    if dtype == torch.float32:
        export.write_atomically(path, lambda temporary: shutil.copyfile(source, temporary))
        return
    archive = trace_minilm(dtype) if shape == "minilm" else torch.jit.load(source).to(dtype)
    export.write_atomically(path, lambda temporary: archive.save(str(temporary)))


# --- which are there ---


def record_of(path):
    """What there is, as far as one sees without reading it."""
    import torch

    return {"version": VERSION, "torch": torch.__version__, "bytes": path.stat().st_size}


def is_up_to_date(path):
    try:
        return json.loads(path.with_suffix(".json").read_text()) == record_of(path)
    except (OSError, ValueError):
        return False


def make(name):
    import torch

    path = folder() / f"{name}.pt"
    if is_up_to_date(path):
        return
    shape = name.removesuffix("-bf16")
    dtype = torch.bfloat16 if name != shape else torch.float32
    began = time.monotonic()
    (export_real if shape in REAL else export_random)(shape, dtype, name, path)
    text = json.dumps(record_of(path), indent=1) + "\n"
    export.write_atomically(path.with_suffix(".json"), lambda temporary: temporary.write_text(text))
    say(f"    in {time.monotonic() - began:.0f} s")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=NAMES, help="these, not all")
    parser.add_argument("--list", action="store_true", help="the names and what is there")
    arguments = parser.parse_args()
    folder().mkdir(parents=True, exist_ok=True)
    if arguments.list:
        for name in NAMES:
            path = folder() / f"{name}.pt"
            print(f"{name:20} {path.stat().st_size / 1e6:7.0f} MB" if is_up_to_date(path) else name)
        return 0
    for name in arguments.only or NAMES:
        make(name)
    say(f"there: {folder()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
