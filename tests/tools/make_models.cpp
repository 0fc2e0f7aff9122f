// Writes the models of the tests into a folder.
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdio>
#include <string>
#include <utility>

namespace {

constexpr std::pair<const char*, const char*> kModels[] = {
    // f32[rows, N] or f32[rows]
    {"double", "def forward(self, x):\n  return x * 2.0 + 1.0\n"},
    {"triple", "def forward(self, x):\n  return x * 3.0 + 1.0\n"},
    {"heavy", "def forward(self, x):\n  return x * 2.0 + self.weights[0]\n"},
    // One value too many for a declaration of the same shape.
    {"longer", "def forward(self, x):\n  return torch.cat([x, x], 1)\n"},
    {"raises",
     "def forward(self, x):\n"
     "  assert bool((x >= 0).all()), 'no luck today'\n"
     "  return x\n"},
    // About a third of a second for each call.
    {"slow",
     "def forward(self, x):\n"
     "  y = torch.ones([200, 200])\n"
     "  for i in range(600):\n"
     "    y = torch.mm(y, y) * 0.001\n"
     "  return x + y.sum() * 0.0\n"},
    // f32[rows, N] -> f32[rows, N, 4], i64[rows, N]
    {"boxes",
     "def forward(self, x):\n  return x.unsqueeze(-1).repeat(1, 1, 4), x.argmax(-1, "
     "True).expand(-1, x.size(1))\n"},
    // f32[rows, 3, H, W] -> f32[rows, 8, H/2, W/2], and no H or W below 32
    {"halves",
     "def forward(self, x):\n"
     "  y = torch.conv2d(x, torch.zeros([8, 3, 32, 32]))\n"
     "  return torch.cat([x, x, x], 1)[:, :8, ::2, ::2]\n"},
    {"named", "def forward(self, x):\n  return {'low': x, 'high': x.sum(1)}\n"},
    {"single", "def forward(self, x):\n  return x.view(2, -1)\n"},
    {"total", "def forward(self, x):\n  return x.sum(0)\n"},
    {"first", "def forward(self, x, y):\n  return x\n"},
    {"lists", "def forward(self, x):\n  return x.sum(1), [1, 2]\n"},
    {"optional", "def forward(self, x, y: int = 3):\n  print('hello')\n  return x * y\n"},
    // string[rows] -> i64[rows], string[rows]
    {"greets",
     "def forward(self, texts: List[str]):\n"
     "  return [len(text) for text in texts], ['hello ' + text for text in texts]\n"},
    // f32[rows, N] -> a list of rows, the i-th without its last i % 2 elements
    {"pieces",
     "def forward(self, x):\n"
     "  rows: List[Tensor] = []\n"
     "  for i in range(x.size(0)):\n"
     "    rows.append(x[i, i % 2:])\n"
     "  return rows\n"},
    {"masked", "def forward(self, x, mask):\n  return x * mask, mask.sum(1)\n"},
    {"counts",
     "def twice(self, x):\n  return x * 2.0\n"
     "def forward(self, x):\n"
     "  self.calls.add_(1)\n"
     "  return x + self.calls.float()\n"},
    {"shares", "def forward(self, x):\n  return [0.5 * i for i in range(x.size(0))]\n"},
    {"numbers", "def forward(self, x):\n  return x.sum(1), {1: x}\n"},
    {"endless",
     "def forward(self, x):\n"
     "  i = 0\n"
     "  while i >= 0:\n"
     "    i = (i + 1) % 7\n"
     "  return x\n"},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: raceway_test_models FOLDER\n", stderr);
    return 2;
  }
  for (const auto& [name, forward] : kModels) {
    torch::jit::Module module(name);
    module.register_buffer("calls", at::zeros({1}, at::kLong));
    // More than is read with the structure.
    if (std::string(name) == "heavy") module.register_buffer("weights", at::ones({2048}));
    module.define(forward);
    module.save(std::string(argv[1]) + "/" + name + ".pt");
  }
  return 0;
}
