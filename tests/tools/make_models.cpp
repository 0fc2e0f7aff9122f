// Writes the models of the tests into a folder.
#include <torch/csrc/jit/api/module.h>

#include <cstdio>
#include <string>
#include <utility>

namespace {

constexpr std::pair<const char*, const char*> kModels[] = {
    // f32[rows, N] or f32[rows]
    {"double", "def forward(self, x):\n  return x * 2.0 + 1.0\n"},
    {"triple", "def forward(self, x):\n  return x * 3.0 + 1.0\n"},
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
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: raceway_test_models FOLDER\n", stderr);
    return 2;
  }
  for (const auto& [name, forward] : kModels) {
    torch::jit::Module module(name);
    module.define(forward);
    module.save(std::string(argv[1]) + "/" + name + ".pt");
  }
  return 0;
}
