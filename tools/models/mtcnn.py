"""The three nets of MTCNN for examples/faces.flow, from the package facenet-pytorch.

examples/models/mtcnn_pnet.pt   f32[rows, 3, H, W] -> scores f32[rows, A, B], moves f32[rows, 4, A, B]
examples/models/mtcnn_rnet.pt   f32[rows, 3, 24, 24] -> score f32[rows], move f32[rows, 4]
examples/models/mtcnn_onet.pt   f32[rows, 3, 48, 48] -> score f32[rows], move f32[rows, 4]
"""

import importlib.util
import sys
import types
from pathlib import Path

NETS = {"pnet": 12, "rnet": 24, "onet": 48}
FILES = [f"mtcnn_{name}.pt" for name in NETS]


def facenet():
    """The package's module `mtcnn`, without its __init__, which wants what only downloads need."""
    if "facenet_pytorch" not in sys.modules:
        package = types.ModuleType("facenet_pytorch")
        found = importlib.util.find_spec("facenet_pytorch")
        package.__path__ = list(found.submodule_search_locations)
        sys.modules["facenet_pytorch"] = package
    return importlib.import_module("facenet_pytorch.models.mtcnn")


def export(folder, write_atomically):
    import torch

    class Face(torch.nn.Module):
        """A net that says how sure it is of a face, and how the box should move."""

        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            answers = self.net(x)  # moves, perhaps landmarks, and the shares of no face and a face
            return answers[-1][:, 1], answers[0]

    mtcnn = facenet()
    for name, size in NETS.items():
        # A net's own constructor unpickles what it likes: the weights are loaded here.
        net = getattr(mtcnn, name[0].upper() + "Net")(pretrained=False)
        weights = Path(mtcnn.__file__).parents[1] / f"data/{name}.pt"
        net.load_state_dict(torch.load(weights, weights_only=True))
        face = Face(net.eval())
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            example = torch.rand(2, 3, size, size, generator=generator)
            traced = torch.jit.trace(face, example, check_trace=False)
            more = 17 if name == "pnet" else 0
            batch = torch.rand(3, 3, size + more, size + 2 * more, generator=generator)
            for got, expected in zip(traced(batch), face(batch)):
                if got.shape != expected.shape or not torch.allclose(got, expected, atol=1e-6):
                    raise SystemExit(f"{name}: the export differs from the net")
        path = Path(folder) / f"mtcnn_{name}.pt"
        write_atomically(path, lambda temporary, traced=traced: traced.save(str(temporary)))
