#!/usr/bin/env python3
"""How fast loaders of others are, for `tools/bench/run load --part rivals`.

    .venv/bin/python tools/bench/load_rivals.py MODEL

Prints a line of JSON, {RIVAL: {"ms": …, "GB/s": …}}: the time from a file out of the page cache to
the answer of the network in Python, and the rate at which all weights get into memory. Each is
measured in a process of its own, which has imported what it needs before. The packages go into an
environment of their own in the cache folder, which takes LibTorch from the usual one; what does not
install there is left out, with a note. The weights of MODEL, as written by
tools/models/load_models.py, are written once more in the forms that these loaders read.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/models"))

import load_models  # noqa: E402

PACKAGES = {  # rival: what it needs beside torch
    "torch-mmap": (),
    "safetensors": ("safetensors==0.8.0",),
    "runai": ("runai-model-streamer==0.17.0", "humanize==4.17.0"),
    "fastsafetensors": ("fastsafetensors==0.5.0",),
}
ENVIRONMENT = load_models.folder().parent / "load-rivals"
STATES = load_models.folder() / "rivals"


def say(text):
    print(f"… {text}", file=sys.stderr, flush=True)


# --- what is needed ---


def make_environment():
    """Its Python, and the rivals that are there."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        say(f"makes {ENVIRONMENT}")
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        inside = next((ENVIRONMENT / "lib").glob("python*/site-packages"))
        ours = next((ROOT / ".venv/lib").glob("python*/site-packages")).resolve()
        (inside / "torch.pth").write_text(f"{ours}\n")
    there = []
    for rival, packages in PACKAGES.items():
        wanted = "".join(f"{package}\n" for package in packages)
        done = ENVIRONMENT / f"{rival}.installed"
        if packages and not (done.exists() and done.read_text() == wanted):
            install = [python, "-m", "pip", "install", "--quiet", "--no-deps", *packages]
            if subprocess.run(install, stdout=sys.stderr).returncode != 0:
                say(f"{rival} does not install; left out")
                continue
            done.write_text(wanted)
        there.append(rival)
    return python, there


def state_of(archive):
    """Its weights by name, each once: of tied ones the first name."""
    state, seen = {}, set()
    for name, tensor in archive.state_dict().items():
        place = (tensor.data_ptr(), tensor.shape)
        if tensor.numel() > 1 and place in seen:
            continue
        seen.add(place)
        state[name] = tensor.contiguous()
    return state


def write_states(model):
    """The weights as torch.save and as safetensors write them."""
    import export
    import torch
    from safetensors.torch import save_file

    source = load_models.folder() / f"{model}.pt"
    if not source.is_file():
        raise SystemExit(f"no {source}; tools/models/load_models.py --only {model}")
    saved = {STATES / f"{model}.pt": torch.save, STATES / f"{model}.safetensors": None}
    if all(path.exists() and path.stat().st_mtime >= source.stat().st_mtime for path in saved):
        return
    say(f"writes the weights of {model} once more")
    STATES.mkdir(parents=True, exist_ok=True)
    load_models.check_space(2 * source.stat().st_size, model)
    state = state_of(torch.jit.load(source))
    for path, save in saved.items():
        write = (lambda to: torch.save(state, to)) if save else (lambda to: save_file(state, to))
        export.write_atomically(path, lambda temporary: write(temporary))


# --- the loaders: a file -> {name: tensor} ---


def load_torch_mmap(path):
    import torch

    return torch.load(path.with_suffix(".pt"), mmap=True, weights_only=True)


def load_safetensors(path):
    from safetensors.torch import load_file

    return load_file(path)


def load_runai(path):
    from runai_model_streamer import SafetensorsStreamer

    with SafetensorsStreamer() as streamer:
        streamer.stream_file(str(path))
        # What it hands over is a view of a buffer that it uses again.
        return {name: tensor.clone() for name, tensor in streamer.get_tensors()}


def load_fastsafetensors(path):
    from fastsafetensors import fastsafe_open

    with fastsafe_open(filenames=[str(path)], nogds=True, device="cpu") as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}


LOADERS = {
    "torch-mmap": load_torch_mmap,
    "safetensors": load_safetensors,
    "runai": load_runai,
    "fastsafetensors": load_fastsafetensors,
}


# --- one measurement, in a process of its own ---


def forget(path):
    """Out of the page cache."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


def input_of(shape, dtype):
    import torch

    if shape in load_models.VISION:
        return torch.randn(1, 3, 224, 224).to(dtype)
    words, length = (1000, 10) if shape in load_models.OPT else (32000, 128)
    return torch.randint(words, (1, length))


def answer(network, state, example):
    import torch

    network.load_state_dict(state, strict=False, assign=True)
    if hasattr(network, "next") and network.next.weight.is_meta:
        network.next.weight = network.words.weight  # tied
    with torch.inference_mode():
        return network.eval()(example)


def touch(state):
    """Reads a byte of each page."""
    import torch

    for tensor in state.values():
        tensor.reshape(-1).view(torch.uint8)[::4096].sum()


def warm_up(example):
    """What a process that has been answering for a while has behind it."""
    import torch

    with torch.inference_mode():
        torch.nn.functional.conv2d(torch.ones(1, 3, 64, 64), torch.ones(8, 3, 3, 3))
        (torch.ones(64, 64) @ torch.ones(64, 64)).to(example.dtype)


def measure_one(rival, model):
    import torch

    shape = model.removesuffix("-bf16")
    dtype = torch.bfloat16 if model != shape else torch.float32
    path = STATES / f"{model}.safetensors"
    file = path.with_suffix(".pt") if rival == "torch-mmap" else path
    load, example = LOADERS[rival], input_of(shape, dtype)
    warm_up(example)
    network = load_models.make_network(shape)
    forget(file)
    began = time.perf_counter()
    answer(network, load(path), example)
    answered = time.perf_counter() - began
    forget(file)
    began = time.perf_counter()
    touch(load(path))
    loaded = time.perf_counter() - began
    print(json.dumps({"ms": 1e3 * answered, "GB/s": file.stat().st_size / loaded / 1e9}))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--one", metavar="RIVAL", choices=LOADERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure_one(arguments.one, arguments.model)
        return 0
    python, rivals = make_environment()
    write_states(arguments.model)
    figures = {}
    for rival in rivals:
        command = [python, __file__, arguments.model, "--one", rival]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode == 0:
            figures[rival] = json.loads(done.stdout.splitlines()[-1])
        else:
            say(f"{rival} fails for {arguments.model}; left out")
    print(json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
