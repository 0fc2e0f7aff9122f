// The engine's side of `raceway run`: rows in, requests, rows out.
#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <future>
#include <iostream>
#include <iterator>
#include <memory>
#include <utility>

#include "engine/engine.h"
#include "engine/trace/tracer.h"
#include "operators/models/loaded_model.h"
#include "operators/register_all.h"
#include "tools/raceway/fail.h"
#include "tools/raceway/files.h"
#include "tools/raceway/run_request.h"
#include "tools/raceway/runtime/cancel_on_interrupt.h"
#include "tools/raceway/runtime/print_rows.h"
#include "tools/raceway/runtime/progress.h"
#include "tools/raceway/runtime/rows.h"

namespace raceway::tools {
namespace {

using engine::Batch;
using engine::Result;

using Tables = std::vector<Batch>;

/// The rows the user gave for each table and, where they are files, the names of these.
struct Input {
  Tables tables;
  std::vector<std::string> files;
};

Result<Batch> ReadRows(const std::string& file, const engine::InputSpec& spec,
                       const engine::SchemaPtr& schema) {
  if (file == "-") {
    const std::string text(std::istreambuf_iterator<char>(std::cin), {});
    return RowsFromJson(text, "standard input", "", schema, "the flow", spec.defaults);
  }
  Result<std::string> text = ReadFile(file);
  if (!text.ok()) return std::move(text).error();
  return RowsFromJson(*text, file, std::filesystem::path(file).parent_path(), schema, "the flow",
                      spec.defaults);
}

Result<Input> ReadInput(const RunRequest& request) {
  Input input;
  for (size_t i = 0; i < request.plan.inputs.size(); ++i) {
    const engine::InputSpec& spec = request.plan.inputs[i];
    const auto schema = std::make_shared<const engine::Schema>(spec.CallerSchema());
    Result<Batch> rows = request.each.empty()
                             ? ReadRows(request.rows[i], spec, schema)
                             : RowsFromFiles(request.each, spec, schema, input.files);
    if (!rows.ok()) return std::move(rows).error();
    input.tables.push_back(*std::move(rows));
  }
  return input;
}

/// One request of all rows, or one for each, of a flow of one table.
std::vector<Tables> Requests(const Tables& tables, bool per_row) {
  if (!per_row) return {tables};
  const Batch& rows = tables.front();
  std::vector<Tables> requests;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::vector<engine::Column> columns;
    for (const engine::Column& column : rows.columns()) {
      columns.push_back(column.Slice(row, row + 1));
    }
    requests.push_back({Batch(rows.schema(), std::move(columns), 1)});
  }
  return requests;
}

std::string ErrorText(const engine::Error& error, const Input& input, size_t request,
                      bool per_row) {
  engine::Error shown = error;
  // A request of one row numbers its row 0, or none; the user numbers those of the whole table.
  if (per_row) shown.row_id = static_cast<int64_t>(request);
  std::string text = "request failed: " + shown.Text();
  const int64_t row = shown.row_id;
  if (row >= 0 && row < static_cast<int64_t>(input.files.size())) {
    text += " (" + input.files[static_cast<size_t>(row)] + ")";
  }
  return text;
}

/// What came out, each result with its name where there are several.
class Printer {
 public:
  explicit Printer(const RunRequest& request) : is_json_(request.json) {
    for (const engine::ResultSpec& result : request.plan.results) names_.push_back(result.name);
    if (names_.size() == 1) names_.front().clear();
    tables_.resize(names_.size());
  }

  /// JSON at once: who reads along need not wait for the other requests.
  void Add(Tables results) {
    for (size_t i = 0; i < results.size(); ++i) {
      if (is_json_) {
        std::fputs(RowsAsJson(results[i], names_[i]).c_str(), stdout);
      } else {
        tables_[i].push_back(std::move(results[i]));
      }
    }
    if (is_json_) std::fflush(stdout);
  }

  void Finish() const {
    const bool color = ::isatty(STDOUT_FILENO) != 0;
    for (size_t i = 0; i < tables_.size(); ++i) {
      if (tables_[i].empty()) continue;
      if (!names_[i].empty()) std::printf("%s%s:\n", i > 0 ? "\n" : "", names_[i].c_str());
      std::fputs(RowsAsTable(tables_[i], color).c_str(), stdout);
    }
  }

 private:
  const bool is_json_;
  std::vector<std::string> names_;
  std::vector<Tables> tables_;  // of each result, those of all requests
};

int RunRequests(engine::Engine& engine, engine::DeployedFlow& flow, const Input& input,
                const RunRequest& request) {
  const CancelOnInterrupt interrupt;
  engine::RequestOptions options;
  options.cancel = interrupt.token();
  if (request.deadline_ms) {
    options.deadline =
        engine::SteadyClock().Now() + std::chrono::milliseconds(*request.deadline_ms);
  }
  const std::vector<Tables> batches = Requests(input.tables, request.per_row);
  std::vector<std::future<Result<Tables>>> answers;
  std::atomic<size_t> done = 0;
  const Progress progress([&] {
    return "running: " + std::to_string(done) + " of " + std::to_string(batches.size()) +
           (batches.size() == 1 ? " request" : " requests");
  });
  Printer printer(request);
  int exit_code = kFine;
  size_t num_cancelled = 0;
  const auto take = [&](Result<Tables> answer, size_t index) {
    ++done;
    if (!answer.ok() && answer.error().code == engine::ErrorCode::kCancelled) {
      ++num_cancelled;
    } else if (!answer.ok()) {
      exit_code = Fail(kRequestFailed, ErrorText(answer.error(), input, index, request.per_row));
    } else {
      printer.Add(*std::move(answer));
    }
  };
  if (batches.size() == 1) {
    take(engine.RunTables(flow, batches.front(), options), 0);
  } else {
    for (const Tables& batch : batches) {
      answers.push_back(engine.SubmitTables(flow, batch, options));
    }
    for (size_t i = 0; i < answers.size(); ++i) take(answers[i].get(), i);
  }
  printer.Finish();
  if (num_cancelled > 0) {
    exit_code = Fail(kRequestFailed, "cancelled: " + std::to_string(num_cancelled) + " of " +
                                         std::to_string(batches.size()) +
                                         (batches.size() == 1 ? " request" : " requests"));
  }
  return exit_code;
}

/// Of a deployment that failed.
int ExitCodeOf(const engine::Error& error) {
  return error.code == engine::ErrorCode::kUnsupported ? kFlowIsWrong : kMachineLacks;
}

int RunEngine(engine::EngineOptions options, const Input& input, const RunRequest& request) {
  engine::Engine engine(std::move(options));
  Result<engine::FlowHandle> flow = [&] {
    const Progress progress([] { return std::string("loading models"); });
    return engine.Deploy(request.plan, request.base_dir);
  }();
  if (!flow.ok()) return Fail(ExitCodeOf(flow.error()), flow.error().Text());
  return RunRequests(engine, **flow, input, request);
}

int RunAll(const RunRequest& request) {
  // Rows first: a mistake in them is said before threads are started and models are loaded.
  Result<Input> input = ReadInput(request);
  if (!input.ok()) {
    const bool is_usage =
        !request.each.empty() || input.error().code != engine::ErrorCode::kInvalidArgument;
    return Fail(is_usage ? kUsage : kRequestFailed, input.error().Text());
  }
  engine::EngineOptions options;
  // One request has LibTorch's threads to itself; many requests have a worker for each core. Either
  // way no more threads compute than there are cores.
  const int cores = std::max(1, at::get_num_threads());
  const int by_default = request.per_row ? cores : 1;
  options.num_workers = request.workers > 0 ? request.workers : by_default;
  at::set_num_threads(std::max(1, cores / options.num_workers));
  options.may_raise_thread_limit = true;  // the process is ours
  operators::RegisterAll(options.factories);
  if (request.trace.empty()) return RunEngine(std::move(options), *input, request);
  engine::Tracer tracer(request.trace_ops);
  options.tracer = &tracer;
  const int exit_code = RunEngine(std::move(options), *input, request);
  const engine::Status written = tracer.Write(request.trace);
  return written.ok() ? exit_code : Fail(kMachineLacks, written.error().Text());
}

}  // namespace

extern "C" int raceway_run(const RunRequest& request) {
  try {
    return RunAll(request);
  } catch (const std::exception& exception) {
    return Fail(kRequestFailed, "internal error: " + operators::OneLine(exception.what()));
  }
}

}  // namespace raceway::tools
