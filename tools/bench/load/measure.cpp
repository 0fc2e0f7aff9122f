#include "tools/bench/load/measure.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>
#include <malloc.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <span>
#include <utility>

#include "engine/load/crc.h"
#include "engine/load/load_trace.h"
#include "engine/load/measure_limit.h"
#include "engine/load/process_scheduler.h"
#include "tools/bench/load/disk.h"
#include "tools/bench/load/fork.h"
#include "tools/bench/load/memory.h"

namespace raceway::bench {
namespace {

namespace load = engine::load;
using nlohmann::json;

/// Kernels of each kind.
constexpr const char* kOtherModel = R"(
def forward(self, x):
    y = torch.relu(torch.conv2d(x, self.filter, None, [1, 1], [1, 1]))
    y = torch.embedding(self.table, torch.arange(8)) + torch.mean(y)
    y = torch.softmax(torch.linear(torch.layer_norm(y, [64]), self.table), 1)
    return torch.matmul(y, self.table)
)";

uint32_t ChecksumOf(const c10::IValue& answer) {
  const at::Tensor tensor = answer.toTensor().contiguous();
  return load::Crc32({static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()});
}

load::ColdRequest RequestOf(const ColdRun& run) {
  load::ColdRequest request;
  request.model = run.model->path;
  request.inputs = InputsOf(*run.model);
  request.verify = run.verify;
  if (run.disk.is_throttled()) {
    request.disk = load::ThrottleOptions{.bytes_per_second = *run.disk.bytes_per_second};
  }
  return request;
}

json AnswerOnce(const ColdRun& run) {
  AnswerForAnother(run.strategy, run.model->is_bf16);
  if (run.was_known) GetToKnow(*run.model);
  load::LoadRecorder recorder;
  load::ColdRequest request = RequestOf(run);
  request.on_event = recorder.Sink();
  run.disk.is_hot ? MakeHot(run.model->path) : MakeCold(run.model->path);
  TouchFreeMemory(run.model->num_bytes * 3 / 2);  // last: the host takes it back within seconds
  const PeakMemory peak;
  const uint64_t share_before = ShareBytes();
  const auto answer = load::AnswerCold(run.strategy, request);
  if (!answer) {
    if (answer.error().code == engine::ErrorCode::kUnsupported) return nullptr;
    Stop(run.model->name + ": " + answer.error().Text());
  }
  const uint64_t peak_bytes = peak.AboveBaseline();
  const load::LoadFigures figures =
      load::FiguresOf({.begin = answer->begin, .end = answer->end, .events = recorder.Take()});
  const std::chrono::duration<double, std::milli> took = answer->end - answer->begin;
  return {{"ms", took.count()},
          {"peak", peak_bytes},
          {"share", std::max(ShareBytes(), share_before) - share_before},
          {"utilisation", figures.utilisation},
          {"answer", ChecksumOf(answer->value)}};
}

json AnswerWarm(const LoadModel& model) {
  MakeHot(model.path);
  const std::vector<c10::IValue> inputs = InputsOf(model);
  const auto steps = load::MeasureUse(load::ProcessScheduler(), model.path, "forward", inputs);
  if (!steps) Stop(model.name + ": " + steps.error().Text());
  json as_json = json::array();
  uint64_t weight_bytes = 0;
  for (const load::UseStep& step : *steps) {
    as_json.push_back({step.num_bytes, step.compute.count()});
    weight_bytes += step.num_bytes;
  }
  const c10::InferenceMode inference;
  torch::jit::Module stock = torch::jit::load(model.path.string());
  stock.eval();
  stock.forward(inputs);
  const PeakMemory peak;
  stock.forward(inputs);
  return {{"steps", as_json}, {"weights", weight_bytes}, {"activations", peak.AboveBaseline()}};
}

}  // namespace

void AnswerForAnother(load::Strategy strategy, bool is_bf16) {
  const at::ScalarType type = is_bf16 ? at::kBFloat16 : at::kFloat;
  torch::jit::Module other("Other");
  other.register_parameter("filter", at::ones({8, 3, 3, 3}, type), false);
  other.register_parameter("table", at::ones({64, 64}, type), false);
  other.define(kOtherModel);
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("raceway-bench-" + std::to_string(::getpid()) + ".pt");
  other.save(path.string());
  load::ColdRequest request;
  request.model = path;
  request.inputs = {at::ones({1, 3, 64, 64}, type)};
  {
    const auto answer = load::AnswerCold(strategy, request);
    if (!answer && answer.error().code != engine::ErrorCode::kUnsupported) {
      Stop(answer.error().Text());
    }
  }
  load::ForgetIdle();
  std::filesystem::remove(path);
}

void GetToKnow(const LoadModel& model) {
  MakeHot(model.path);
  load::ColdRequest request;
  request.model = model.path;
  request.inputs = InputsOf(model);
  request.verify = load::Verify::kNever;
  // On pages of the cache: quick, and nobody finds memory that was touched before.
  if (const auto answer = load::AnswerCold(load::Strategy::kMmap, request); !answer) {
    Stop(answer.error().Text());
  }
  ::malloc_trim(0);
}

std::optional<ColdFigures> RunCold(const ColdRun& run) {
  const json answer = InFork([&] { return AnswerOnce(run); });
  if (answer.is_null()) return std::nullopt;
  return ColdFigures{.milliseconds = answer["ms"],
                     .peak_bytes = answer["peak"],
                     .share_bytes = answer["share"],
                     .utilisation = answer["utilisation"],
                     .answer = answer["answer"]};
}

WarmFigures MeasureWarm(const LoadModel& model) {
  const json answer = InFork([&] { return AnswerWarm(model); });
  WarmFigures figures;
  for (const json& step : answer["steps"]) {
    figures.steps.push_back({.num_bytes = step[0], .compute = std::chrono::nanoseconds(step[1])});
  }
  figures.weight_bytes = answer["weights"];
  figures.activation_bytes = answer["activations"];
  return figures;
}

engine::load::LoadRates RatesOf(const LoadModel& model, const Disk& disk) {
  load::LoadRates rates{.verify = ChecksumRate()};
  if (!disk.is_hot) {
    rates.read = DirectRate(model.path);
    return rates;
  }
  MakeHot(model.path);
  rates.copy = CopyRate(model.path);
  if (disk.is_throttled()) {
    rates.read = *disk.bytes_per_second;
    rates.latency = load::ThrottleOptions().latency;
  }
  return rates;
}

double LimitOf(const WarmFigures& warm, const engine::load::LoadRates& rates) {
  const load::LoadLimit limit = load::LimitOf(warm.steps, rates);
  return std::chrono::duration<double, std::milli>(limit.time).count();
}

bool BytesDominate(const WarmFigures& warm, const engine::load::LoadRates& rates) {
  const load::LoadLimit limit = load::LimitOf(warm.steps, rates);
  return limit.reading > limit.computing;
}

}  // namespace raceway::bench
