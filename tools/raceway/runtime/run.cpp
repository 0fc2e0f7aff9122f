// The engine's side of `raceway run`: rows in, requests, rows out.
#include <ATen/Parallel.h>
#include <signal.h>
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
#include "operators/register_all.h"
#include "tools/raceway/fail.h"
#include "tools/raceway/files.h"
#include "tools/raceway/run_request.h"
#include "tools/raceway/runtime/print_rows.h"
#include "tools/raceway/runtime/progress.h"
#include "tools/raceway/runtime/rows.h"

namespace raceway::tools {
namespace {

using engine::Batch;
using engine::Result;

/// Ctrl-C cancels the requests; a second one ends the process as usual.
class CancelOnInterrupt {
 public:
  CancelOnInterrupt() : token_(std::make_shared<engine::CancelToken>()) {
    current_ = token_.get();
    struct sigaction action {};
    action.sa_handler = [](int) { current_.load()->Cancel(); };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_);
  }
  ~CancelOnInterrupt() { ::sigaction(SIGINT, &before_, nullptr); }
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;

  const std::shared_ptr<engine::CancelToken>& token() const { return token_; }

 private:
  static inline std::atomic<engine::CancelToken*> current_ = nullptr;
  std::shared_ptr<engine::CancelToken> token_;
  struct sigaction before_ {};
};

/// The rows the user gave and, where they are files, the names of these.
struct Input {
  Batch rows;
  std::vector<std::string> files;
};

Result<Input> ReadInput(const RunRequest& request, const engine::SchemaPtr& schema) {
  Input input;
  if (!request.each.empty()) {
    Result<Batch> rows = RowsFromFiles(request.each, schema, input.files);
    if (!rows.ok()) return std::move(rows).error();
    input.rows = *std::move(rows);
    return input;
  }
  std::string text;
  const bool is_stdin = request.rows == "-";
  if (is_stdin) {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    Result<std::string> read = ReadFile(request.rows);
    if (!read.ok()) return std::move(read).error();
    text = *std::move(read);
  }
  Result<Batch> rows = RowsFromJson(text, is_stdin ? "standard input" : request.rows,
                                    std::filesystem::path(request.rows).parent_path(), schema);
  if (!rows.ok()) return std::move(rows).error();
  input.rows = *std::move(rows);
  return input;
}

/// One request of all rows, or one for each.
std::vector<Batch> Requests(const Batch& rows, bool per_row) {
  if (!per_row) return {rows};
  std::vector<Batch> requests;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::vector<engine::Column> columns;
    for (const engine::Column& column : rows.columns()) {
      columns.push_back(column.Slice(row, row + 1));
    }
    requests.emplace_back(rows.schema(), std::move(columns), 1);
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

int RunRequests(engine::Engine& engine, engine::DeployedFlow& flow, const Input& input,
                const RunRequest& request) {
  const CancelOnInterrupt interrupt;
  engine::RequestOptions options;
  options.cancel = interrupt.token();
  if (request.deadline_ms) {
    options.deadline =
        engine::SteadyClock().Now() + std::chrono::milliseconds(*request.deadline_ms);
  }
  const std::vector<Batch> batches = Requests(input.rows, request.per_row);
  std::vector<std::future<Result<Batch>>> answers;
  std::atomic<size_t> done = 0;
  const Progress progress([&] {
    return "running: " + std::to_string(done) + " of " + std::to_string(batches.size()) +
           (batches.size() == 1 ? " request" : " requests");
  });
  std::vector<Batch> results;
  int exit_code = kFine;
  size_t num_cancelled = 0;
  const auto take = [&](Result<Batch> answer, size_t index) {
    ++done;
    if (!answer.ok() && answer.error().code == engine::ErrorCode::kCancelled) {
      ++num_cancelled;
    } else if (!answer.ok()) {
      exit_code = Fail(kRequestFailed, ErrorText(answer.error(), input, index, request.per_row));
    } else if (request.json) {
      std::fputs(RowsAsJson(*answer).c_str(), stdout);
      std::fflush(stdout);  // who reads along need not wait for the others
    } else {
      results.push_back(*std::move(answer));
    }
  };
  if (batches.size() == 1) {
    take(engine.Run(flow, batches.front(), options), 0);
  } else {
    for (const Batch& batch : batches) answers.push_back(engine.Submit(flow, batch, options));
    for (size_t i = 0; i < answers.size(); ++i) take(answers[i].get(), i);
  }
  std::fputs(RowsAsTable(results, ::isatty(STDOUT_FILENO) != 0).c_str(), stdout);
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

int RunAll(const RunRequest& request) {
  const auto schema = std::make_shared<const engine::Schema>(request.plan.inputs.front().schema);
  // Rows first: a mistake in them is said before threads are started and models are loaded.
  Result<Input> input = ReadInput(request, schema);
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
  operators::RegisterAll(options.factories);
  engine::Engine engine(std::move(options));
  Result<engine::DeployedFlow*> flow = [&] {
    const Progress progress([] { return std::string("loading models"); });
    return engine.Deploy(request.plan, request.base_dir);
  }();
  if (!flow.ok()) return Fail(ExitCodeOf(flow.error()), flow.error().Text());
  return RunRequests(engine, **flow, *input, request);
}

}  // namespace

extern "C" int raceway_run(const RunRequest& request) {
  try {
    return RunAll(request);
  } catch (const std::exception& exception) {
    return Fail(kRequestFailed, std::string("internal error: ") + exception.what());
  }
}

}  // namespace raceway::tools
