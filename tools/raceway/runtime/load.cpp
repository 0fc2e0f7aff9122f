// The engine's side of `raceway load`: a model's first request, again and again, and what it is
// held against.
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/load/cache_state.h"
#include "engine/load/input_copies.h"
#include "engine/load/load_gantt.h"
#include "engine/load/load_perfetto.h"
#include "engine/load/load_report.h"
#include "engine/load/measure_limit.h"
#include "engine/load/model_file.h"
#include "engine/load/process_scheduler.h"
#include "engine/load/record_order.h"
#include "engine/load/strategies/strategy.h"
#include "engine/load/streamed_module.h"
#include "engine/load/use_order.h"
#include "operators/models/aoti.h"
#include "operators/models/loaded_model.h"
#include "tools/raceway/fail.h"
#include "tools/raceway/load_request.h"
#include "tools/raceway/runtime/model_inputs.h"
#include "tools/raceway/runtime/print_load.h"
#include "tools/raceway/runtime/progress.h"
#include "tools/raceway/write_file.h"

namespace raceway::tools {
namespace {

using engine::Done;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;
using engine::load::ColdAnswer;
using engine::load::ColdRequest;
using engine::load::CopyOf;
using engine::load::LoadRates;
using engine::load::LoadReport;
using engine::load::Strategy;
using engine::load::StreamedModule;
using engine::load::UseStep;
using Cache = LoadRequest::Cache;
using Inputs = std::vector<c10::IValue>;

int ExitCodeOf(const Error& error) {
  if (error.code == ErrorCode::kUnavailable) return kMachineLacks;
  return error.code == ErrorCode::kUnsupported ? kUsage : kRequestFailed;
}

double Megabytes(uint64_t num_bytes) { return static_cast<double>(num_bytes) / 1e6; }

// --- one answer ---

/// Bit by bit what an answer should be.
Result<c10::IValue> PlainAnswer(const LoadRequest& request, const Inputs& inputs) {
  if (request.is_package) {
    const ColdRequest plain = {.model = request.model, .is_package = true, .inputs = inputs};
    Result<ColdAnswer> answer = AnswerCold(Strategy::kSequential, plain);
    return answer ? Result<c10::IValue>(answer->value) : std::move(answer).error();
  }
  try {
    const c10::InferenceMode inference;
    const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
    torch::jit::Module module = torch::jit::load(request.model);
    module.eval();
    return module.get_method(request.method)(inputs);
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kFailed, operators::OneLine(exception.what())};
  }
}

// --- what a model takes ---

/// "`forward`, `encode`"
std::string MethodsOf(const torch::jit::Module& module) {
  std::string text;
  for (const torch::jit::Method& method : module.get_methods()) {
    text += (text.empty() ? "`" : ", `") + method.name() + "`";
  }
  return text.empty() ? "none" : text;
}

/// "(x: Tensor, sr: int = …)", and how many of these must be given.
struct Signature {
  std::string text;
  size_t num_required = 0;
  size_t num_parameters = 0;
};

Signature SignatureOf(const torch::jit::Method& method) {
  Signature signature;
  const auto& arguments = method.function().getSchema().arguments();
  for (size_t i = 1; i < arguments.size(); ++i) {  // 0 is the module itself
    const bool is_optional = arguments[i].default_value().has_value();
    signature.text += (i > 1 ? ", " : "") + arguments[i].name() + ": " +
                      arguments[i].type()->annotation_str() + (is_optional ? " = …" : "");
    signature.num_parameters += 1;
    signature.num_required += is_optional ? 0 : 1;
  }
  signature.text = "(" + signature.text + ")";
  return signature;
}

/// Whether the model has the method, and that as many parameters as there are inputs; else it is
/// said. `takes` becomes what the method takes, if the model can be looked at.
int CheckModule(const LoadRequest& request, std::string& takes) {
  const auto module = StreamedModule::Load(engine::load::ProcessScheduler(), request.model);
  if (!module.ok()) return kFine;  // whoever loads it says why
  const auto method = (*module)->module().find_method(request.method);
  if (!method) {
    return Fail(kUsage, request.model + " has no `" + request.method + "`; its methods are " +
                            MethodsOf((*module)->module()));
  }
  const Signature signature = SignatureOf(*method);
  takes = "`" + request.method + "` of " + request.model + " takes " + signature.text;
  const size_t given = request.inputs.size();
  if (given >= signature.num_required && given <= signature.num_parameters) return kFine;
  return Fail(kUsage, takes + " and was given " + (given == 0 ? "nothing" : std::to_string(given)) +
                          ": say each with --in, as in --in f32[1,3,224,224] or --in x.npy");
}

/// Before anything else is done with a package: no compiled code says that its inputs are wrong.
int CheckPackage(const LoadRequest& request, const Inputs& inputs) {
  if (request.method != "forward") {
    return Fail(kUsage, "`" + request.model + "` is compiled: it is one function, and has no `" +
                            request.method + "`");
  }
  const Status checked = operators::CheckAotiCall(request.model, request.model, inputs);
  if (!checked.ok()) {
    const bool is_call = checked.error().code == ErrorCode::kInvalidArgument;
    return Fail(is_call ? kUsage : ExitCodeOf(checked.error()), checked.error().message);
  }
  if (request.order.empty()) return kFine;
  return Fail(kUsage, "--record-order is for TorchScript: `" + request.model +
                          "` is compiled, and its code does not say which weight it reads when");
}

/// Of a run that did not come to its end.
int FailOf(const LoadRequest& request, const Error& error) {
  if (error.code != ErrorCode::kFailed) {
    return Fail(ExitCodeOf(error), operators::OneLine(error.message));
  }
  std::string takes;
  if (const int checked = CheckModule(request, takes); checked != kFine) return checked;
  return Fail(kRequestFailed, "request failed: " + operators::OneLine(error.message) +
                                  (takes.empty() ? "" : "\n" + takes));
}

// --- the page cache ---

Status ReadThrough(int fd, const std::string& path) {
  std::vector<char> bytes(1 << 20);
  for (off_t at = 0;;) {
    const ssize_t count = ::pread(fd, bytes.data(), bytes.size(), at);
    if (count == 0) return Done{};
    if (count < 0) return Error{ErrorCode::kUnavailable, "cannot read `" + path + "`"};
    at += count;
  }
}

Status PrepareCache(const LoadRequest& request) {
  const auto file = engine::load::ModelFile::Open(request.model, /*allow_direct=*/false);
  if (!file.ok()) return file.error();
  const int fd = (*file)->cached_fd();
  if (request.cache == Cache::kHot) return ReadThrough(fd, request.model);
  if (request.cache == Cache::kAsItIs) return Done{};
  engine::load::DropFromCache(fd);
  const uint64_t left = engine::load::CountCachedBytes(fd, (*file)->size());
  if (left == 0) return Done{};
  char text[80];
  std::snprintf(text, sizeof text, "%.1f of %.1f MB stay in the page cache", Megabytes(left),
                Megabytes((*file)->size()));
  return Error{ErrorCode::kUnavailable,
               "`" + request.model + "` does not get cold: " + text +
                   "; another process reads or maps it, or its file system is in memory (copy it "
                   "to a disk)"};
}

// --- runs ---

std::string TitleOf(const LoadRequest& request) {
  std::string title = std::filesystem::path(request.model).filename().string();
  if (request.cache == Cache::kCold) title += ", cold";
  if (request.cache == Cache::kHot) title += ", hot";
  char disk[40];
  std::snprintf(disk, sizeof disk, ", disk of %.3g GB/s",
                request.bytes_per_second.value_or(0) / 1e9);
  return title + (request.bytes_per_second ? disk : "") + ", " + request.strategy;
}

/// A fast disk stays as it is; a throttled one has the rate that was asked for.
LoadRates MeasureRatesOf(const LoadRequest& request) {
  engine::load::LoadOptions options{.use_page_cache = !request.bytes_per_second};
  // As the load has it: what the page cache has is borrowed.
  if (options.use_page_cache) options.writers = std::make_shared<engine::load::RunDoor>();
  const Result<LoadRates> measured =
      MeasureRates(engine::load::ProcessScheduler(), request.model, std::move(options));
  LoadRates rates = measured.ok() ? *measured : LoadRates();
  if (request.bytes_per_second) {
    rates.read = std::min(rates.read, *request.bytes_per_second);
    rates.latency = engine::load::ThrottleOptions().latency;
  }
  return rates;
}

Result<LoadRun> RunOnce(const LoadRequest& request, Strategy strategy, const Inputs& inputs) {
  engine::load::ForgetIdle();
  if (Status ready = PrepareCache(request); !ready.ok()) return std::move(ready).error();
  const LoadRates rates = MeasureRatesOf(request);
  if (Status ready = PrepareCache(request); !ready.ok()) return std::move(ready).error();
  engine::load::LoadRecorder recorder;
  ColdRequest cold;
  cold.model = request.model;
  cold.is_package = request.is_package;
  cold.inputs = CopyOf(inputs);
  cold.method = request.method;
  cold.use_page_cache = !request.bytes_per_second;
  cold.on_event = recorder.Sink();
  if (request.bytes_per_second) {
    cold.disk = engine::load::ThrottleOptions{.bytes_per_second = *request.bytes_per_second};
  }
  const Result<ColdAnswer> answer = AnswerCold(strategy, cold);
  if (!answer.ok()) return answer.error();
  LoadRun run = {.rates = rates, .answer = answer->value};
  run.report = {.title = TitleOf(request), .trace = {answer->begin, answer->end, recorder.Take()}};
  run.report.figures = FiguresOf(run.report.trace);
  return run;
}

/// The run of median time; of two, the shorter one.
size_t MedianOf(const std::vector<LoadRun>& runs) {
  std::vector<size_t> order(runs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return runs[a].report.figures.total < runs[b].report.figures.total;
  });
  return order[(order.size() - 1) / 2];
}

// --- all of it ---

int WriteFiles(const LoadRequest& request, const LoadReport& report) {
  const std::pair<const std::string&, std::string (*)(const LoadReport&)> files[] = {
      {request.trace, engine::load::PerfettoText}, {request.gantt, engine::load::GanttSvg}};
  for (const auto& [path, text] : files) {
    if (path.empty()) continue;
    const Status written = WriteFile(path, text(report));
    if (!written.ok()) return Fail(kMachineLacks, written.error().message);
  }
  return kFine;
}

/// For the loads that come: who reads in this order computes sooner.
int WriteOrder(const LoadRequest& request, const Inputs& inputs) {
  if (request.order.empty()) return kFine;
  const Result<std::vector<std::string>> order = engine::load::RecordOrder(
      engine::load::ProcessScheduler(), request.model, request.method, inputs);
  if (!order.ok()) return Fail(ExitCodeOf(order.error()), order.error().message);
  const Status written = WriteFile(request.order, engine::load::UseOrderText(*order));
  return written.ok() ? kFine : Fail(kMachineLacks, written.error().message);
}

/// What is of the process and not of the model: threads of LibTorch, the rings of the reader.
void WarmUp() {
  const c10::InferenceMode inference;
  const at::Tensor ones = at::ones({256, 256});
  at::mm(ones, ones);
  engine::load::ProcessScheduler();
}

Result<std::vector<LoadRun>> RunAll(const LoadRequest& request, Strategy strategy,
                                    const Inputs& inputs) {
  std::vector<LoadRun> runs;
  std::atomic<int> number = 1;
  const Progress progress([&] {
    return "loading: run " + std::to_string(number) + " of " + std::to_string(request.runs);
  });
  for (; number <= request.runs; ++number) {
    Result<LoadRun> run = RunOnce(request, strategy, inputs);
    if (!run.ok()) return std::move(run).error();
    runs.push_back(*std::move(run));
  }
  // Without a limit where only LibTorch's own loader takes the model.
  const Result<std::vector<UseStep>> steps =
      MeasureUse(engine::load::ProcessScheduler(), request.model, request.method, inputs);
  for (LoadRun& run : runs) {
    if (steps.ok()) run.report.limit = LimitOf(*steps, run.rates);
  }
  return runs;
}

int Check(const LoadRequest& request, const Inputs& inputs, const std::vector<LoadRun>& runs) {
  const Result<c10::IValue> plain = PlainAnswer(request, CopyOf(inputs));
  const char* const loader = StockLoaderOf(request);
  if (!plain.ok()) {
    return Fail(kRequestFailed, std::string(loader) + ": " + plain.error().message);
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    if (IsSame(runs[i].answer, *plain)) continue;
    return Fail(kRequestFailed,
                "run " + std::to_string(i + 1) + ": the answer is not that of " + loader);
  }
  return kFine;
}

/// "sequential, mmap, …"
std::string StrategyNames() {
  std::string text;
  for (const engine::load::StrategyInfo& info : engine::load::Strategies()) {
    text += (text.empty() ? "" : ", ") + std::string(info.name);
  }
  return text;
}

int LoadAll(LoadRequest request) {
  const auto strategy = engine::load::StrategyNamed(request.strategy);
  if (!strategy) {
    return Fail(kUsage, "no strategy `" + request.strategy + "`: " + StrategyNames());
  }
  request.is_package = operators::IsAotiPackage(request.model);
  const Result<Inputs> inputs = MakeInputs(request.inputs);
  if (!inputs.ok()) return Fail(kUsage, "--in " + inputs.error().message);
  WarmUp();
  std::string takes;
  if (request.is_package) {
    if (const int checked = CheckPackage(request, *inputs); checked != kFine) return checked;
  } else if (inputs->empty()) {  // before anything large is read for nothing
    if (const int checked = CheckModule(request, takes); checked != kFine) return checked;
  }
  const Result<std::vector<LoadRun>> runs = RunAll(request, *strategy, *inputs);
  if (!runs.ok()) return FailOf(request, runs.error());
  if (const int checked = request.check ? Check(request, *inputs, *runs) : kFine;
      checked != kFine) {
    return checked;
  }
  const size_t median = MedianOf(*runs);
  PrintLoad(request, *runs, median);
  const int written = WriteFiles(request, (*runs)[median].report);
  return written == kFine ? WriteOrder(request, *inputs) : written;
}

}  // namespace

extern "C" int raceway_load(const LoadRequest& request) {
  try {
    return LoadAll(request);
  } catch (const std::exception& exception) {
    return Fail(kRequestFailed, "internal error: " + operators::OneLine(exception.what()));
  }
}

}  // namespace raceway::tools
