// What is left of the models' own throughput in the image cascade?
//
// examples/image_cascade.flow over the photographs, compiled and run by the engine, against the
// loop a person would write with LibTorch: decode, resize, crop, normalise, small model, softmax,
// and the big model where the small one is unsure. Both have the same models, decoders and threads;
// each in turn goes through all photographs, one at a time, and with two clients two at a time.

#include <ATen/Parallel.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <torch/script.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "engine/engine.h"
#include "operators/contracts.h"
#include "operators/functions/image_codec.h"
#include "operators/register_all.h"
#include "tools/bench/report.h"
#include "tools/raceway/files.h"

namespace raceway::bench {
namespace {

using engine::Batch;
using engine::Column;
using engine::Result;

constexpr const char kFlow[] = "examples/image_cascade.flow";
constexpr double kThreshold = 0.5;  // the flow's default

[[noreturn]] void Die(const std::string& message) {
  std::cerr << "bench cascade: " << message << "\n";
  std::exit(4);
}

template <typename T>
T OrDie(Result<T> result) {
  if (!result.ok()) Die(result.error().Text());
  return *std::move(result);
}

std::vector<std::string> Photographs() {
  std::vector<std::string> files;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator("examples/photos", missing)) {
    files.push_back(entry.path().string());
  }
  if (files.empty()) Die("no photographs in examples/photos (tools/models/export.py makes them)");
  std::sort(files.begin(), files.end());
  std::vector<std::string> photographs;
  for (const std::string& file : files) photographs.push_back(OrDie(tools::ReadFile(file)));
  return photographs;
}

// --- the loop one would write ---

struct RawAnswer {
  int64_t top = 0;
  float confidence = 0;
};

class RawCascade {
 public:
  explicit RawCascade(const std::string& models)
      : small_(torch::jit::load(models + "/efficientnet_lite0.pt")),
        big_(torch::jit::load(models + "/efficientnet_lite2.pt")) {
    small_.eval();
    big_.eval();
  }

  RawAnswer Run(const std::string& photograph) {
    const c10::InferenceMode inference;
    const bool is_png = photograph.starts_with(operators::kPngMagic);
    const at::Tensor pixels =
        OrDie(is_png ? operators::DecodePng(photograph) : operators::DecodeJpeg(photograph));
    const RawAnswer first = Classify(small_, pixels, 224);
    return first.confidence >= kThreshold ? first : Classify(big_, pixels, 260);
  }

 private:
  RawAnswer Classify(torch::jit::Module& model, const at::Tensor& pixels, int64_t size) {
    const at::Tensor logits = model.forward({Input(pixels, size)}).toTensor();
    const auto [confidence, top] = at::softmax(logits, 1).max(1);
    return {top.item<int64_t>(), confidence.item<float>()};
  }

  at::Tensor Input(const at::Tensor& pixels, int64_t size) const {
    const auto height = pixels.size(0);
    const auto width = pixels.size(1);
    const int64_t shorter = size + 32;
    const int64_t longer = shorter * std::max(height, width) / std::min(height, width);
    const int64_t h = height <= width ? shorter : longer;
    const int64_t w = height <= width ? longer : shorter;
    const at::Tensor image = pixels.permute({2, 0, 1}).unsqueeze(0);
    const at::Tensor resized =
        at::_upsample_bicubic2d_aa(image, {h, w}, false, std::nullopt, std::nullopt);
    const at::Tensor square =
        resized.narrow(2, (h - size) / 2, size).narrow(3, (w - size) / 2, size);
    return square.to(at::kFloat).div_(255).sub_(mean_).div_(deviation_).contiguous();
  }

  torch::jit::Module small_;
  torch::jit::Module big_;
  at::Tensor mean_ = at::tensor({0.485F, 0.456F, 0.406F}).view({1, 3, 1, 1});
  at::Tensor deviation_ = at::tensor({0.229F, 0.224F, 0.225F}).view({1, 3, 1, 1});
};

// --- the same as a flow ---

engine::PhysicalPlan CompileCascade(int threads) {
  const dsl::Source source(kFlow, OrDie(tools::ReadFile(kFlow)));
  engine::Catalog catalog;
  operators::RegisterContracts(catalog);
  tools::HashedFiles files("examples");
  compiler::CompileOptions options;
  options.flow = "image_cascade";
  compiler::CompileResult result =
      compiler::Compile(dsl::Parse(source), source, catalog, files, options);
  if (!result.physical || result.diagnostics.has_errors()) {
    Die(dsl::Render(result.diagnostics, source));
  }
  for (engine::StageSpec& stage : result.physical->stages) {
    for (engine::StepSpec& step : stage.steps) {
      for (auto& [name, value] : step.options) {
        if (name == "threads") value = engine::Value(static_cast<int64_t>(threads));
      }
    }
  }
  return *std::move(result.physical);
}

class FlowCascade {
 public:
  FlowCascade(int workers, int threads) : engine_(Options(workers)) {
    flow_ = OrDie(engine_.Deploy(CompileCascade(threads), "examples"));
  }

  Batch Run(const std::string& photograph) {
    std::vector<Column> columns;
    for (const engine::Field& field : flow_->input_schema()->fields()) {
      columns.push_back(field.name == "id" ? Column(at::tensor({int64_t{1}}))
                                           : Column(engine::TextColumn::Of({&photograph, 1})));
    }
    return OrDie(engine_.Run(*flow_, Batch(flow_->input_schema(), std::move(columns), 1)));
  }

 private:
  static engine::EngineOptions Options(int workers) {
    engine::EngineOptions options;
    options.num_workers = workers;
    operators::RegisterAll(options.factories);
    return options;
  }

  engine::Engine engine_;
  engine::FlowHandle flow_;
};

/// The two must agree, or the comparison means nothing.
void CompareAnswers(RawCascade& raw, FlowCascade& flow, const std::vector<std::string>& photos) {
  for (const std::string& photo : photos) {
    const Batch rows = flow.Run(photo);
    const float confidence = rows.column(2).dense().item<float>();
    const float expected = raw.Run(photo).confidence;
    if (std::abs(confidence - expected) > 1e-4F) {
      Die("the flow's confidence is " + std::to_string(confidence) + ", the loop's " +
          std::to_string(expected));
    }
  }
}

/// Photographs per second of `clients` threads that each go through all of them.
template <typename RunOne>
double Throughput(int clients, const std::vector<std::string>& photos, RunOne run) {
  const double nanoseconds = NanosecondsPer(1, [&] {
    const auto all = [&] {
      for (const std::string& photo : photos) run(photo);
    };
    std::vector<std::thread> others;
    for (int i = 1; i < clients; ++i) others.emplace_back(all);
    all();
    for (std::thread& other : others) other.join();
  });
  return static_cast<double>(photos.size()) * clients / (nanoseconds / 1e9);
}

Metric Measure(const std::string& name, int clients, int threads, int repetitions,
               const std::vector<std::string>& photos) {
  at::set_num_threads(threads);
  RawCascade raw("examples/models");
  FlowCascade flow(clients, threads);
  CompareAnswers(raw, flow, photos);
  const auto raw_one = [&](const std::string& photo) {
    if (clients > 1) at::set_num_threads(threads);  // of this thread
    raw.Run(photo);
  };
  const auto flow_one = [&](const std::string& photo) { flow.Run(photo); };
  const auto values =
      Interleave(repetitions, {[&] { return Throughput(clients, photos, flow_one); },
                               [&] { return Throughput(clients, photos, raw_one); }});
  return {.name = name,
          .unit = "photographs/s",
          .values = values[0],
          .baselines = values[1],
          .baseline_name = "a raw LibTorch loop",
          .goal = Goal{.of_ratio = true, .at_most = false, .bound = 0.95}};
}

int Main(int argc, char** argv) {
  const Options options =
      ParseOptions(argc, argv, "cascade: what is left of the models' own throughput");
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const std::vector<std::string> photos = Photographs();
  std::vector<Metric> metrics;
  metrics.push_back(Measure("one_client", 1, cores, options.quick ? 9 : 31, photos));
  if (!options.quick && cores > 1) {
    metrics.push_back(Measure("client_per_core", cores, 1, 31, photos));
  }
  Print("cascade", metrics, options);
  return 0;
}

}  // namespace
}  // namespace raceway::bench

int main(int argc, char** argv) { return raceway::bench::Main(argc, argv); }
