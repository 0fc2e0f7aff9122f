#include "engine/engine.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/exec/graph.h"
#include "engine/store/open_store.h"

namespace raceway::engine {
namespace {

int NumWorkers(int wanted) {
  return wanted > 0 ? wanted : std::max(1, tbb::info::default_concurrency());
}

// TBB starts one thread less than there are cores unless asked for more. A smaller number is the
// arena's business: the process may use TBB for other things.
std::optional<tbb::global_control> AllowWorkers(int num_workers) {
  const auto num_threads = static_cast<size_t>(num_workers) + 1;
  constexpr auto kLimit = tbb::global_control::max_allowed_parallelism;
  if (num_threads <= tbb::global_control::active_value(kLimit)) return std::nullopt;
  return std::optional<tbb::global_control>(std::in_place, kLimit, num_threads);
}

Error BadInput(const std::string& flow, const Schema& wants, const std::string& what) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = "`" + flow + "` takes " + ToString(wants) + ": " + what};
}

// `input` as a batch of exactly `wants`, which its rows are numbered by.
Result<Batch> Conform(const std::string& flow, const SchemaPtr& wants, Batch input) {
  if (!input) return BadInput(flow, *wants, "there is no table");
  const Schema& has = *input.schema();
  if (input.schema() == wants || has == *wants) {
    if (input.schema() == wants && !input.row_ids()) return input;
    return Batch(wants, input.columns(), input.num_rows());
  }
  std::vector<Column> columns;
  for (const Field& field : wants->fields()) {
    const std::optional<size_t> index = has.IndexOf(field.name);
    if (!index) return BadInput(flow, *wants, "the table has no column `" + field.name + "`");
    columns.push_back(input.column(*index));
  }
  for (const Field& field : has.fields()) {
    if (!wants->Find(field.name)) {
      return BadInput(flow, *wants, "no column `" + field.name + "` is expected");
    }
  }
  Result<Batch> made = Batch::Make(wants, std::move(columns));
  if (!made) made.error().message = BadInput(flow, *wants, made.error().message).message;
  return made;
}

// Of a flow whose callers send one table and get one.
Result<Batch> ConformOne(const std::string& flow, const Graph& graph, Batch input) {
  const auto refuse = [&](const std::string& what) {
    return Error{
        .code = ErrorCode::kInvalidArgument,
        .message = "`" + flow + "` " + what + ": call it by `RunTables` or `SubmitTables`"};
  };
  if (graph.inputs().size() != 1) return refuse("takes several tables");
  if (graph.results().size() != 1) return refuse("gives several tables");
  return Conform(flow, graph.inputs()[0].schema, std::move(input));
}

Result<std::vector<Batch>> ConformAll(const std::string& flow, const Graph& graph,
                                      std::vector<Batch> inputs) {
  const std::vector<Graph::Table>& wanted = graph.inputs();
  if (inputs.size() != wanted.size()) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "`" + flow + "` takes " + std::to_string(wanted.size()) +
                            " tables, here are " + std::to_string(inputs.size())};
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = wanted.size() == 1 ? flow : flow + "(" + wanted[i].name + ")";
    Result<Batch> conformed = Conform(name, wanted[i].schema, std::move(inputs[i]));
    if (!conformed) return std::move(conformed).error();
    inputs[i] = *std::move(conformed);
  }
  return inputs;
}

// The rows of all tables of a request are numbered through; callers number those of each table.
class RowNumbers {
 public:
  RowNumbers(const Graph& graph, const std::vector<Batch>& inputs) : tables_(graph.inputs()) {
    for (const Batch& rows : inputs) num_rows_.push_back(rows.num_rows());
  }

  Error InTable(Error error) const {
    if (tables_.size() == 1 || error.row_id < 0) return error;
    for (size_t i = 0; i < num_rows_.size(); ++i) {
      if (error.row_id < num_rows_[i]) {
        error.message = "of `" + tables_[i].name + "`: " + error.message;
        break;
      }
      error.row_id -= num_rows_[i];
    }
    return error;
  }

 private:
  const std::vector<Graph::Table>& tables_;
  std::vector<int64_t> num_rows_;
};

Result<std::vector<Batch>> AllTables(Result<Batch> first, std::vector<Batch> more,
                                     const RowNumbers& numbers) {
  if (!first) return numbers.InTable(std::move(first).error());
  more.insert(more.begin(), *std::move(first));
  return more;
}

// Where the caller of `Run` waits.
class Waiter {
 public:
  void Set(Result<Batch> result) {
    std::lock_guard lock(mutex_);  // until the end: `Take` may return and destroy us
    result_ = std::move(result);
    is_set_.notify_one();
  }
  Result<Batch> Take() {
    std::unique_lock lock(mutex_);
    is_set_.wait(lock, [this] { return result_.has_value(); });
    return *std::move(result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable is_set_;
  std::optional<Result<Batch>> result_;
};

}  // namespace

DeployedFlow::DeployedFlow(std::string name, std::unique_ptr<Graph> graph)
    : name_(std::move(name)), graph_(std::move(graph)) {}
DeployedFlow::~DeployedFlow() = default;

size_t DeployedFlow::num_inputs() const { return graph_->inputs().size(); }
size_t DeployedFlow::num_results() const { return graph_->results().size(); }
const SchemaPtr& DeployedFlow::input_schema(size_t index) const {
  return graph_->inputs()[index].schema;
}
const SchemaPtr& DeployedFlow::result_schema(size_t index) const {
  return graph_->results()[index].schema;
}

struct Engine::State {
  explicit State(EngineOptions options)
      : factories(std::move(options.factories)),
        open_store(options.open_store ? std::move(options.open_store) : &OpenStore),
        clock(options.clock != nullptr ? *options.clock : steady_clock),
        num_workers(NumWorkers(options.num_workers)),
        limit(AllowWorkers(num_workers)),
        // One slot more, for threads that come in from outside to deploy or to wait.
        arena(num_workers + 1, 1) {}

  Request::Ptr MakeRequest(Graph& graph, RequestOptions options, Completion completion) {
    Request::Ptr request = graph.MakeRequest(
        RequestId{next_id.fetch_add(1, std::memory_order_relaxed)}, std::move(completion));
    if (options.deadline) request->cancel().SetDeadline(*options.deadline, clock);
    if (options.cancel) request->HoldParent(std::move(options.cancel));
    return request;
  }

  const OperatorFactories factories;
  const StoreOpener open_store;
  const SteadyClock steady_clock;
  const Clock& clock;
  const int num_workers;
  const std::optional<tbb::global_control> limit;
  tbb::task_arena arena;
  std::atomic<int64_t> next_id = 1;
  std::mutex mutex;  // of `flows`
  std::deque<std::unique_ptr<DeployedFlow>> flows;
};

Engine::Engine(EngineOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Engine::~Engine() = default;

int Engine::num_workers() const { return state_->num_workers; }

Result<DeployedFlow*> Engine::Deploy(const PhysicalPlan& plan,
                                     const std::filesystem::path& base_dir) {
  Status valid = Validate(plan);
  if (!valid) return std::move(valid).error();
  Result<std::unique_ptr<Graph>> graph = Graph::Build(plan, state_->factories, state_->open_store,
                                                      base_dir, state_->clock, state_->arena);
  if (!graph) return std::move(graph).error();
  std::unique_ptr<DeployedFlow> flow(new DeployedFlow(plan.flow, *std::move(graph)));
  std::lock_guard lock(state_->mutex);
  return state_->flows.emplace_back(std::move(flow)).get();
}

void Engine::Submit(DeployedFlow& flow, Batch input, RequestOptions options,
                    Completion completion) {
  Graph& graph = *flow.graph_;
  Result<Batch> conformed = ConformOne(flow.name(), graph, std::move(input));
  if (!conformed) return completion(std::move(conformed));
  graph.Submit(state_->MakeRequest(graph, std::move(options), std::move(completion)),
               {&*conformed, 1});
}

std::future<Result<Batch>> Engine::Submit(DeployedFlow& flow, Batch input, RequestOptions options) {
  auto promise = std::make_shared<std::promise<Result<Batch>>>();
  std::future<Result<Batch>> future = promise->get_future();
  Submit(flow, std::move(input), std::move(options),
         [promise](Result<Batch> result) { promise->set_value(std::move(result)); });
  return future;
}

Result<Batch> Engine::Run(DeployedFlow& flow, Batch input, RequestOptions options) {
  Graph& graph = *flow.graph_;
  Result<Batch> conformed = ConformOne(flow.name(), graph, std::move(input));
  if (!conformed) return conformed;
  Waiter waiter;
  graph.RunHere(
      state_->MakeRequest(graph, std::move(options),
                          [&waiter](Result<Batch> result) { waiter.Set(std::move(result)); }),
      {&*conformed, 1});
  return waiter.Take();
}

std::future<Result<std::vector<Batch>>> Engine::SubmitTables(DeployedFlow& flow,
                                                             std::vector<Batch> inputs,
                                                             RequestOptions options) {
  struct Answer {
    std::promise<Result<std::vector<Batch>>> promise;
    std::vector<Batch> more;
  };
  Graph& graph = *flow.graph_;
  auto answer = std::make_shared<Answer>();
  std::future<Result<std::vector<Batch>>> future = answer->promise.get_future();
  Result<std::vector<Batch>> conformed = ConformAll(flow.name(), graph, std::move(inputs));
  if (!conformed) {
    answer->promise.set_value(std::move(conformed));
    return future;
  }
  const RowNumbers numbers(graph, *conformed);
  Request::Ptr request =
      state_->MakeRequest(graph, std::move(options), [answer, numbers](Result<Batch> first) {
        answer->promise.set_value(AllTables(std::move(first), std::move(answer->more), numbers));
      });
  request->GiveMoreTo(&answer->more);
  graph.Submit(std::move(request), *conformed);
  return future;
}

Result<std::vector<Batch>> Engine::RunTables(DeployedFlow& flow, std::vector<Batch> inputs,
                                             RequestOptions options) {
  Graph& graph = *flow.graph_;
  Result<std::vector<Batch>> conformed = ConformAll(flow.name(), graph, std::move(inputs));
  if (!conformed) return conformed;
  const RowNumbers numbers(graph, *conformed);
  Waiter waiter;
  std::vector<Batch> more;
  Request::Ptr request =
      state_->MakeRequest(graph, std::move(options),
                          [&waiter](Result<Batch> result) { waiter.Set(std::move(result)); });
  request->GiveMoreTo(&more);
  graph.RunHere(std::move(request), *conformed);
  Result<Batch> first = waiter.Take();
  return AllTables(std::move(first), std::move(more), numbers);
}

}  // namespace raceway::engine
