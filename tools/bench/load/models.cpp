#include "tools/bench/load/models.h"

#include <ATen/Context.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace raceway::bench {
namespace {

struct Shape {
  std::string_view name;
  ModelKind kind;
  bool has_f32 = true;
};

constexpr Shape kShapes[] = {
    {"resnet50", ModelKind::kResNet},
    {"resnet101", ModelKind::kResNet},
    {"resnet152", ModelKind::kResNet},
    {"vgg11", ModelKind::kVgg},
    {"vgg16", ModelKind::kVgg},
    {"vgg19", ModelKind::kVgg},
    {"opt-125m", ModelKind::kOpt},
    {"opt-1.3b", ModelKind::kOpt},
    {"llama-160m", ModelKind::kLlama},
    {"llama-1b", ModelKind::kLlama},
    {"llama-3b", ModelKind::kLlama, false},
    {"minilm", ModelKind::kMiniLm},
    {"efficientnet", ModelKind::kEfficientNet},
};
constexpr std::string_view kBf16 = "-bf16";

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// As load_models.py has it.
std::filesystem::path Folder() {
  namespace fs = std::filesystem;
  if (const std::string cache = Variable("RACEWAY_CACHE"); !cache.empty()) {
    return fs::path(cache) / "load-models";
  }
  const std::string xdg = Variable("XDG_CACHE_HOME");
  const fs::path home = xdg.empty() ? fs::path(Variable("HOME")) / ".cache" : fs::path(xdg);
  return home / "raceway" / "load-models";
}

const Shape* ShapeOf(std::string_view name) {
  if (name.ends_with(kBf16)) name.remove_suffix(kBf16.size());
  const auto* const shape = std::find_if(std::begin(kShapes), std::end(kShapes),
                                         [&](const Shape& one) { return one.name == name; });
  return shape == std::end(kShapes) ? nullptr : shape;
}

}  // namespace

std::vector<std::string> ModelNames() {
  std::vector<std::string> names;
  for (const Shape& shape : kShapes) {
    if (shape.has_f32) names.emplace_back(shape.name);
    names.push_back(std::string(shape.name) + std::string(kBf16));
  }
  return names;
}

std::vector<LoadModel> ModelsNamed(const std::vector<std::string>& names) {
  std::vector<LoadModel> models;
  std::string missing;
  for (const std::string& name : names) {
    const Shape* shape = ShapeOf(name);
    if (shape == nullptr) {
      std::cerr << "bench load: no model `" << name << "`\n";
      std::exit(2);
    }
    const std::filesystem::path path = Folder() / (name + ".pt");
    std::error_code error;
    const uint64_t num_bytes = std::filesystem::file_size(path, error);
    if (error) missing += " " + name;
    models.push_back({name, shape->kind, name.ends_with(kBf16), path, error ? 0 : num_bytes});
  }
  if (missing.empty()) return models;
  std::cerr << "bench load: models are missing in " << Folder().string() << "; this makes them:\n"
            << "  .venv/bin/python tools/models/load_models.py --only" << missing << "\n";
  std::exit(4);
}

std::vector<c10::IValue> InputsOf(const LoadModel& model) {
  at::globalContext().defaultGenerator(at::kCPU);  // there, before it is seeded
  at::manual_seed(0);
  const auto image = [&](int64_t size) {
    return at::randn({1, 3, size, size}).to(model.is_bf16 ? at::kBFloat16 : at::kFloat);
  };
  const auto tokens = [](int64_t words, int64_t length) {
    return at::randint(words, {1, length}, at::kLong);
  };
  switch (model.kind) {
    case ModelKind::kResNet:
    case ModelKind::kVgg: return {image(224)};
    case ModelKind::kEfficientNet: return {image(260)};
    case ModelKind::kOpt: return {tokens(1000, 10)};
    case ModelKind::kLlama: return {tokens(32000, 128)};
    case ModelKind::kMiniLm: break;
  }
  const at::Tensor ids = tokens(30000, 128);
  return {ids, at::ones_like(ids)};
}

}  // namespace raceway::bench
