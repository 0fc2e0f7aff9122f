#!/usr/bin/env python3
"""Archives as PyTorch and safetensors write them, for the tests of their readers.

    .venv/bin/python tests/engine/load/make_archives.py FOLDER
    .venv/bin/python tests/engine/load/make_archives.py --packages FOLDER

The second compiles packages, which takes a minute.
"""

import json
import sys
from pathlib import Path
from typing import Tuple
from zipfile import ZIP_DEFLATED, ZipFile

import safetensors.torch
import torch
from torch import nn


class Tied(nn.Module):
    """Tied weights, views, lists and dictionaries of tensors, and attributes that are none."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(50, 32)
        self.head = nn.Linear(32, 50, bias=False)
        self.head.weight = self.emb.weight
        full = torch.arange(4096.0).reshape(64, 64)
        self.register_buffer("full", full)
        self.register_buffer("part", full[3:10, 2:])
        self.register_buffer("turned", full.t())
        self.register_buffer("none", torch.empty(0, 3))
        self.register_buffer("wide", torch.ones(2048, dtype=torch.bfloat16))
        self.items = [torch.arange(3), torch.ones(2, 2).half()]
        self.named = {"a": torch.tensor(True)}
        self.pair = (torch.zeros(1), "x", 2.5)
        self.sizes = [1, 2, 70000]

    def forward(self, x):
        y = self.head(self.emb(x)) + self.part.sum() + self.turned[0].sum() + self.wide[0]
        return y + self.items[0].sum() + self.named["a"].int() + self.pair[0] + self.sizes[0]


class Remembering(nn.Module):
    """Looks at its weight when it is loaded, as packed weights do."""

    def __init__(self):
        super().__init__()
        self.weight = torch.arange(4096.0).reshape(64, 64)
        self.total = 0.0

    @torch.jit.export
    def __getstate__(self):
        return (self.weight, self.training)

    @torch.jit.export
    def __setstate__(self, state: Tuple[torch.Tensor, bool]):
        self.weight = state[0]
        self.total = float(state[0].sum())
        self.training = state[1]

    def forward(self, x):
        return x @ self.weight + self.total


class Stateful(Remembering):
    """Has a part as well that it forgets: a plain load refuses it."""

    def __init__(self):
        super().__init__()
        self.other = nn.Linear(64, 64)


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Stateful()
        self.outer = nn.Linear(64, 64)

    def forward(self, x):
        return self.outer(self.inner(x))


class Forking(nn.Module):
    """Computes a part of its answer in another thread."""

    def __init__(self):
        super().__init__()
        self.here = nn.Linear(64, 64)
        self.there = nn.Linear(64, 64)

    def forward(self, x):
        other = torch.jit.fork(self.there, x)
        return self.here(x) + torch.jit.wait(other)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(64, 64)

    def forward(self, x):
        return self.l(x)


class Shared(nn.Module):
    """For torch.export: a tied weight, a view of a buffer, a constant."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(32, 32, bias=False)
        self.b = nn.Linear(32, 32)
        self.b.weight = self.a.weight
        self.register_buffer("big", torch.ones(64, 64))
        self.register_buffer("view", self.big[:, 1:33].t())
        self.k = torch.ones(32)

    def forward(self, x):
        return self.b(torch.relu(self.a(x))) @ self.view @ self.big[:, :32] + self.k


class Layers(nn.Module):
    """Weights that lie as safetensors have them, some of several blocks."""

    def __init__(self, width=128):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return x


class Wide(Layers):
    """Of 16 MiB, which are seen in the memory of a process."""

    def __init__(self):
        super().__init__(1024)


class Chain(nn.Module):
    """Eight weights of 1 MiB, one after the other."""

    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList(torch.randn(512, 512) for _ in range(8))

    def forward(self, x):
        for weight in self.weights:
            x = torch.tanh(x @ weight)
        return x


class Doubling(Layers):
    """Writes into what it is given."""

    def forward(self, x):
        return super().forward(x.mul_(2))


class Handing(Layers):
    """Hands a weight through."""

    def forward(self, x):
        return super().forward(x), self.layers[0].weight


class Folding(Layers):
    """Computes something of its weights alone, which is done once."""

    def forward(self, x):
        return super().forward(x) @ (self.layers[0].weight @ self.layers[1].weight)


def torchscript(folder):
    tied = torch.jit.script(Tied().eval())
    tied.save(str(folder / "tied.pt"))
    torch.jit.freeze(tied).save(str(folder / "frozen.pt"))
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
    torch.jit.trace(net, torch.ones(1, 3, 8, 8)).save(str(folder / "traced.pt"))
    layers = nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 32, 3)).eval()
    torch.jit.trace(layers, torch.ones(1, 3, 8, 8)).save(str(folder / "traced_layers.pt"))
    quantized = torch.ao.quantization.quantize_dynamic(Dense().eval(), {nn.Linear}, torch.qint8)
    torch.jit.script(quantized).save(str(folder / "quantized.pt"))
    torch.jit.script(Around().eval()).save(str(folder / "stateful.pt"))
    torch.jit.script(Remembering().eval()).save(str(folder / "remembering.pt"))
    torch.jit.script(Forking().eval()).save(str(folder / "forking.pt"))
    torch.save(Dense().state_dict(), str(folder / "saved.pt"))
    torch.save(nn.Parameter(torch.ones(32, 32).t()), str(folder / "tensor.pt"))


def deflated(folder):
    """Weights that are packed, as simple tools pack them."""
    with ZipFile(folder / "forking.pt") as stored:
        with ZipFile(folder / "deflated.pt", "w", ZIP_DEFLATED) as packed:
            for name in stored.namelist():
                packed.writestr(name, stored.read(name))


def safe(folder):
    tensors = {
        "scalar": torch.tensor(3, dtype=torch.int64),
        "odd": torch.arange(7, dtype=torch.uint8),
        "none": torch.empty(4, 0, 2),
        "matrix": torch.ones(3, 5, dtype=torch.bfloat16),
        "flags": torch.tensor([True, False, True]),
    }
    safetensors.torch.save_file(tensors, str(folder / "all.safetensors"), {"format": "pt"})
    names = sorted(tensors)
    for number, part in enumerate((names[:2], names[2:]), 1):
        shard = {name: tensors[name] for name in part}
        safetensors.torch.save_file(shard, str(folder / f"part-{number}.safetensors"))


def program(kind=Shared, width=32):
    torch.manual_seed(0)
    rows = torch.export.Dim("rows", min=1, max=64)
    return torch.export.export(kind().eval(), (torch.ones(3, width),), dynamic_shapes=({0: rows},))


def packages(folder):
    apart = {"aot_inductor.package_constants_in_so": False}
    blob = {**apart, "aot_inductor.package_constants_on_disk_format": "binary_blob"}
    files = {**apart, "aot_inductor.package_constants_on_disk_format": "pickle_weights"}
    folding = {**files, "aot_inductor.use_runtime_constant_folding": True}
    layers = program(Layers, 128)
    for name, of, configs in (
        ("inside", program(), {}),
        ("elsewhere", program(), apart),
        ("blob", program(), blob),
        ("files", program(), files),
        ("layers", layers, files),
        ("bare", layers, apart),
        ("folding", program(Folding, 128), folding),
        ("doubling", program(Doubling, 128), files),
        ("wide", program(Wide, 1024), files),
        ("handing", program(Handing, 128), files),
        ("chain", program(Chain, 512), files),
        ("chain-blob", program(Chain, 512), blob),
        ("chain-inside", program(Chain, 512), {}),
    ):
        torch._inductor.aoti_compile_and_package(
            of, package_path=str(folder / f"{name}.pt2"), inductor_configs=configs
        )
    torch.export.save(layers, str(folder / "layers-exported.pt2"))
    weights = dict(layers.state_dict)
    safetensors.torch.save_file(weights, str(folder / "layers.safetensors"))
    other = {name: weight * 0.5 for name, weight in weights.items()}
    safetensors.torch.save_file(other, str(folder / "other.safetensors"))
    structures(folder, other)


def structures(folder, other):
    """TorchScript of the same layers, alone and with the other weights, which lie in shards, too."""
    torch.manual_seed(0)
    layers = Layers().eval()
    torch.jit.script(layers).save(str(folder / "layers.pt"))
    layers.load_state_dict(other)
    torch.jit.script(layers).save(str(folder / "other.pt"))
    shards = {}
    for name, weight in other.items():
        shards.setdefault(f"other-{name.split('.')[1]}.safetensors", {})[name] = weight
    for file, shard in shards.items():
        safetensors.torch.save_file(shard, str(folder / file))
    where = {name: file for file, shard in shards.items() for name in shard}
    index = {"metadata": {}, "weight_map": where}
    (folder / "other.safetensors.index.json").write_text(json.dumps(index))


def main():
    folder = Path(sys.argv[-1])
    folder.mkdir(parents=True)
    if sys.argv[1] == "--packages":
        packages(folder)
        return
    torch.manual_seed(0)
    torchscript(folder)
    deflated(folder)
    safe(folder)
    torch.export.save(program(), str(folder / "exported.pt2"))


if __name__ == "__main__":
    main()
