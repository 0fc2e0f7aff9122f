#include "engine/engine.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/exec/forks.h"
#include "engine/exec/graph.h"
#include "engine/exec/in_flight.h"
#include "engine/exec/places.h"
#include "engine/exec/timer.h"
#include "engine/store/open_store.h"

namespace raceway::engine {
namespace {

int NumWorkers(int wanted) {
  return wanted > 0 ? wanted : std::max(1, tbb::info::default_concurrency());
}

// A smaller number is the arena's business: the process may use TBB for other things.
std::optional<tbb::global_control> AllowWorkers(const EngineOptions& options) {
  if (!options.may_raise_thread_limit) return std::nullopt;
  const int num_workers = NumWorkers(options.num_workers);
  const auto num_threads = static_cast<size_t>(num_workers) + 1;
  constexpr auto kLimit = tbb::global_control::max_allowed_parallelism;
  if (num_threads <= tbb::global_control::active_value(kLimit)) return std::nullopt;
  return std::optional<tbb::global_control>(std::in_place, kLimit, num_threads);
}

// TBB complains on standard error if it is asked for more than the process allows.
int AllowedWorkers(const EngineOptions& options) {
  const size_t num_threads =
      tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
  return std::min(NumWorkers(options.num_workers), static_cast<int>(num_threads) - 1);
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

using Tables = std::vector<FlowTable>;

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
  const Tables& wanted = graph.inputs();
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
  /// `graph` outlives it.
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
  const Tables& tables_;
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

// "(id: i64)", or "users (id: i64), items (sku: i64)"
std::string TextOf(const Tables& tables) {
  std::string text;
  for (const FlowTable& table : tables) {
    if (!text.empty()) text += ", ";
    text += (tables.size() > 1 ? table.name + " " : "") + ToString(*table.schema);
  }
  return text;
}

// The name of a flow's only table is nobody's business.
bool AreAlike(const Tables& a, const Tables& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [&](const FlowTable& one, const FlowTable& other) {
        return *one.schema == *other.schema && (a.size() == 1 || one.name == other.name);
      });
}

Error NoThreads() {
  return {.code = ErrorCode::kUnavailable,
          .message =
              "this process was forked off from one that ran an engine, whose threads stayed "
              "there: make engines only after forking, or let the child exec a program"};
}

Error Ended(const char* whose) {
  return {.code = ErrorCode::kUnavailable, .message = std::string(whose) + " has ended"};
}

std::future<void> Ready() {
  std::promise<void> promise;
  promise.set_value();
  return promise.get_future();
}

}  // namespace

/// Which graph is the flow's at present. Its tables are those of the first one and stay.
struct DeployedFlow::Versions {
  explicit Versions(Graph::User graph)
      : inputs(graph->inputs()), results(graph->results()), current(std::move(graph)) {}

  /// Null if there is none any more.
  Graph::User Enter() {
    const std::lock_guard lock(mutex);
    return current ? current->MakeUser() : nullptr;
  }
  /// The graph that was there before; it must go outside of the lock. `next` stays what it is if
  /// there was none.
  Graph::User Exchange(Graph::User& next) {
    const std::lock_guard lock(mutex);
    return current ? std::exchange(current, std::move(next)) : nullptr;
  }

  const Tables inputs;
  const Tables results;
  std::mutex mutex;  // of `current`, held while a pointer is copied
  Graph::User current;
};

DeployedFlow::DeployedFlow(std::string name, std::unique_ptr<Versions> versions)
    : name_(std::move(name)), versions_(std::move(versions)) {}
DeployedFlow::~DeployedFlow() {
  if (IsForkedOff()) static_cast<void>(versions_->current.release());
}

bool DeployedFlow::is_deployed() const { return !IsForkedOff() && versions_->Enter() != nullptr; }
size_t DeployedFlow::num_inputs() const { return versions_->inputs.size(); }
size_t DeployedFlow::num_results() const { return versions_->results.size(); }
const SchemaPtr& DeployedFlow::input_schema(size_t index) const {
  return versions_->inputs[index].schema;
}
const SchemaPtr& DeployedFlow::result_schema(size_t index) const {
  return versions_->results[index].schema;
}

struct Engine::State {
  explicit State(EngineOptions options)
      : factories(std::move(options.factories)),
        open_store(options.open_store ? std::move(options.open_store) : &OpenStore),
        clock(options.clock != nullptr ? *options.clock : steady_clock),
        tracer(options.tracer),
        limit(AllowWorkers(options)),
        num_workers(std::max(1, AllowedWorkers(options))),
        // Where the process allows no workers: room for the one that TBB starts once it must.
        arena(num_workers, AllowedWorkers(options) > 0 ? 0 : 1),
        places(num_workers, clock),
        timer(clock) {}

  Request::Ptr MakeRequest(Graph& graph, RequestOptions options, Completion completion) {
    Request::Ptr request = graph.MakeRequest(
        RequestId{next_id.fetch_add(1, std::memory_order_relaxed)}, std::move(completion));
    if (options.deadline) request->cancel().SetDeadline(*options.deadline, clock);
    if (options.cancel) request->HoldParent(std::move(options.cancel));
    return request;
  }

  Result<Graph::User> Build(const PhysicalPlan& plan, const std::filesystem::path& base_dir) {
    if (IsForkedOff()) return NoThreads();
    if (Status valid = Validate(plan); !valid) return std::move(valid).error();
    {
      const std::lock_guard lock(mutex);
      if (is_over) return Ended("this engine");
      graphs.Enter();  // `Stop` waits from here on
    }
    const std::unique_ptr<InFlight, decltype([](InFlight* entered) { entered->Leave(); })> entered(
        &graphs);
    return Graph::Build(plan, base_dir,
                        {factories, open_store, clock, arena, places, timer, graphs, tracer});
  }

  bool IsOver() {
    const std::lock_guard lock(mutex);
    return is_over;
  }

  /// A graph to send requests to.
  Result<Graph::User> Enter(DeployedFlow& flow) {
    if (IsForkedOff()) return NoThreads();
    Graph::User graph = flow.versions_->Enter();
    if (graph) return graph;
    if (IsOver()) return Ended("the engine of this flow");
    return Error{.code = ErrorCode::kUnavailable,
                 .message = "`" + flow.name() + "` was undeployed: it takes no more requests"};
  }

  const OperatorFactories factories;
  const StoreOpener open_store;
  const SteadyClock steady_clock;
  const Clock& clock;
  Tracer* const tracer;
  const std::optional<tbb::global_control> limit;
  const int num_workers;
  tbb::task_arena arena;
  Places places;
  Timer timer;
  std::atomic<int64_t> next_id = 1;
  InFlight graphs;
  std::once_flag stop;
  std::mutex mutex;  // of what follows
  bool is_over = false;
  std::vector<std::weak_ptr<DeployedFlow>> flows;  // some of them gone
};

Engine::Engine(EngineOptions options) {
  WatchForks();
  state_ = std::make_unique<State>(std::move(options));
}

Engine::~Engine() {
  // Nobody is there to be waited for, locks may be held for ever: the memory stays as it is.
  if (IsForkedOff()) {
    static_cast<void>(state_.release());
    return;
  }
  Stop();
}

void Engine::Stop() {
  if (IsForkedOff()) return;
  // Whoever comes second waits as well.
  std::call_once(state_->stop, [this] {
    std::vector<std::weak_ptr<DeployedFlow>> flows;
    {
      const std::lock_guard lock(state_->mutex);
      state_->is_over = true;
      flows.swap(state_->flows);
    }
    for (const std::weak_ptr<DeployedFlow>& flow : flows) {
      if (const FlowHandle handle = flow.lock()) Undeploy(*handle);
    }
    state_->graphs.Drain();
  });
}

int Engine::num_workers() const { return state_->num_workers; }

Result<FlowHandle> Engine::Deploy(const PhysicalPlan& plan, const std::filesystem::path& base_dir) {
  Result<Graph::User> graph = state_->Build(plan, base_dir);
  if (!graph) return std::move(graph).error();
  FlowHandle flow(
      new DeployedFlow(plan.flow, std::make_unique<DeployedFlow::Versions>(*std::move(graph))));
  const std::lock_guard lock(state_->mutex);
  if (state_->is_over) return Ended("this engine");
  std::erase_if(state_->flows, [](const auto& known) { return known.expired(); });
  state_->flows.push_back(flow);
  return flow;
}

Result<std::future<void>> Engine::Replace(DeployedFlow& flow, const PhysicalPlan& plan,
                                          const std::filesystem::path& base_dir) {
  Result<Graph::User> graph = state_->Build(plan, base_dir);
  if (!graph) return std::move(graph).error();
  const auto check = [&](const char* verb, const Tables& has, const Tables& given) -> Status {
    if (AreAlike(has, given)) return Done{};
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "`" + flow.name() + "` " + verb + " " + TextOf(has) +
                            ", the new plan " + TextOf(given) +
                            ": deploy it beside, its callers must know"};
  };
  Status same = check("takes", flow.versions_->inputs, (*graph)->inputs());
  if (same) same = check("gives", flow.versions_->results, (*graph)->results());
  if (!same) return std::move(same).error();
  const Graph::User old = flow.versions_->Exchange(*graph);
  if (old) return old->gone();
  return Error{.code = ErrorCode::kUnavailable,
               .message = "`" + flow.name() + "` was undeployed: deploy the plan anew"};
}

std::future<void> Engine::Undeploy(DeployedFlow& flow) {
  if (IsForkedOff()) return Ready();
  Graph::User none;
  const Graph::User old = flow.versions_->Exchange(none);
  return old ? old->gone() : Ready();
}

void Engine::Submit(DeployedFlow& flow, Batch input, RequestOptions options,
                    Completion completion) {
  Result<Graph::User> graph = state_->Enter(flow);
  if (!graph) return completion(std::move(graph).error());
  Result<Batch> conformed = ConformOne(flow.name(), **graph, std::move(input));
  if (!conformed) return completion(std::move(conformed));
  (*graph)->Submit(state_->MakeRequest(**graph, std::move(options), std::move(completion)),
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
  Result<Graph::User> graph = state_->Enter(flow);
  if (!graph) return std::move(graph).error();
  Result<Batch> conformed = ConformOne(flow.name(), **graph, std::move(input));
  if (!conformed) return conformed;
  Waiter waiter;
  (*graph)->RunHere(
      state_->MakeRequest(**graph, std::move(options),
                          [&waiter](Result<Batch> result) { waiter.Set(std::move(result)); }),
      {&*conformed, 1});
  return waiter.Take();
}

void Engine::SubmitTables(DeployedFlow& flow, std::vector<Batch> inputs, RequestOptions options,
                          TablesCompletion completion) {
  struct Answer {
    TablesCompletion completion;
    std::vector<Batch> more;
  };
  Result<Graph::User> visit = state_->Enter(flow);
  if (!visit) return completion(std::move(visit).error());
  Graph& graph = **visit;
  Result<std::vector<Batch>> conformed = ConformAll(flow.name(), graph, std::move(inputs));
  if (!conformed) return completion(std::move(conformed));
  auto answer = std::make_shared<Answer>(Answer{std::move(completion), {}});
  const RowNumbers numbers(graph, *conformed);
  Request::Ptr request =
      state_->MakeRequest(graph, std::move(options), [answer, numbers](Result<Batch> first) {
        answer->completion(AllTables(std::move(first), std::move(answer->more), numbers));
      });
  request->GiveMoreTo(&answer->more);
  graph.Submit(std::move(request), *conformed);
}

std::future<Result<std::vector<Batch>>> Engine::SubmitTables(DeployedFlow& flow,
                                                             std::vector<Batch> inputs,
                                                             RequestOptions options) {
  auto promise = std::make_shared<std::promise<Result<std::vector<Batch>>>>();
  std::future<Result<std::vector<Batch>>> future = promise->get_future();
  SubmitTables(
      flow, std::move(inputs), std::move(options),
      [promise](Result<std::vector<Batch>> results) { promise->set_value(std::move(results)); });
  return future;
}

Result<std::vector<Batch>> Engine::RunTables(DeployedFlow& flow, std::vector<Batch> inputs,
                                             RequestOptions options) {
  Result<Graph::User> visit = state_->Enter(flow);
  if (!visit) return std::move(visit).error();
  Graph& graph = **visit;
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
