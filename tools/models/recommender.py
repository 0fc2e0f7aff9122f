#!/usr/bin/env python3
"""Makes what examples/recommender.flow looks up, offline, from the pinned packages.

examples/models/recommender/score.pt      taste f32[1280], items f32[M, 1280] -> s f32[M]
examples/models/recommender/users.jsonl   what four people like, as the mean of a few items
examples/models/recommender/shelf.jsonl   two shelves of items: animals and things

An item is a class of ImageNet; its vector is the row of weights by which EfficientNet-lite0 knows it,
without the mean of all rows, of length 1: what looks alike lies near. `raceway store load` fills the
stores. Run with the environment that tools/setup made: .venv/bin/python tools/models/recommender.py
"""

import json

import export

FOLDER = export.MODELS / "recommender"
SHELVES = {"animals": range(0, 398), "things": range(398, 1000)}  # as ImageNet numbers its classes
LIKES = {
    "ada": ["espresso", "teapot"],
    "bea": ["Egyptian cat", "tabby"],
    "cem": ["acoustic guitar", "violin"],
    "dov": ["mountain bike", "tractor"],
}


def vectors_and_names():
    """f32[1000, 1280] of length 1, and a name for each row."""
    import torch
    from torchvision.models import EfficientNet_B0_Weights

    weights = export.load_efficientnet("efficientnet_lite0")._fc.weight.detach()
    vectors = torch.nn.functional.normalize(weights - weights.mean(0))
    return vectors.numpy(), EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]


def tastes(vectors, names):
    """For each user a vector of length 1."""
    import numpy

    means = {user: vectors[[names.index(like) for like in likes]].mean(0) for user, likes in LIKES.items()}
    return {user: mean / numpy.linalg.norm(mean) for user, mean in means.items()}


def export_score(path):
    import torch

    class Score(torch.nn.Module):
        def forward(self, taste: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
            return torch.matmul(items, taste.unsqueeze(-1)).squeeze(-1)

    export.write_atomically(path, lambda temporary: torch.jit.script(Score()).save(str(temporary)))


def write_rows(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    export.write_atomically(path, lambda temporary: temporary.write_text(text))


def main():
    import numpy

    FOLDER.mkdir(parents=True, exist_ok=True)
    vectors, names = vectors_and_names()
    export_score(FOLDER / "score.pt")
    shelves = []
    for shelf, numbers in SHELVES.items():
        numpy.save(FOLDER / f"{shelf}.npy", vectors[list(numbers)])
        shelves.append(
            {"category": shelf, "items": {"npy": f"{shelf}.npy"}, "names": [names[i] for i in numbers]}
        )
    write_rows(FOLDER / "shelf.jsonl", shelves)
    write_rows(
        FOLDER / "users.jsonl",
        [{"user": user, "taste": taste.tolist(), "likes": LIKES[user]}
         for user, taste in tastes(vectors, names).items()],
    )


if __name__ == "__main__":
    main()
