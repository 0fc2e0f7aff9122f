#include <raceway/engine.h>

#include <utility>

#include "engine/engine.h"
#include "engine/exec/forks.h"
#include "engine/load/page_faults.h"
#include "operators/register_all.h"
#include "tools/library/cancel_data.h"
#include "tools/library/convert.h"
#include "tools/library/plan_data.h"
#include "tools/library/table_data.h"
#include "tools/raceway/plan_files.h"

namespace raceway {
inline namespace v0 {
namespace {

using engine::IsForkedOff;
using library::FromEngine;

constexpr int kMaxWorkers = 1024;

Error Forked(const char* what) {
  return {ErrorCode::kUnavailable,
          std::string(what) +
              " cannot work in this process: it was forked from one that had started an engine, "
              "and threads do not survive a fork. Start engines after forking, or start the child "
              "by exec (in Python: multiprocessing with \"spawn\")"};
}

}  // namespace

/// The engine and all flows share it, so that a request that races with its end finds it there.
struct Engine::State {
  explicit State(engine::EngineOptions options) : engine(std::move(options)) {}

  engine::Engine engine;
};

struct Flow::State {
  std::shared_ptr<Engine::State> engine;
  engine::FlowHandle flow;
  Plan plan;

  State(std::shared_ptr<Engine::State> engine, engine::FlowHandle flow, const Plan& plan)
      : engine(std::move(engine)), flow(std::move(flow)), plan(plan) {}

  Result<engine::Batch> InputOf(const Table& rows) const {
    if (IsForkedOff()) return Forked("this engine");
    if (plan.inputs().size() != 1 || plan.results().size() != 1) {
      return Error{ErrorCode::kInvalidArgument,
                   "`" + plan.flow() +
                       "` takes or gives several tables: call it by `RunTables` or `SubmitTables`"};
    }
    return InputOf(rows, 0, plan.flow());
  }

  Result<std::vector<engine::Batch>> InputsOf(const std::vector<Table>& tables) const {
    if (IsForkedOff()) return Forked("this engine");
    const std::vector<TableSpec>& wanted = plan.inputs();
    if (tables.size() != wanted.size()) {
      return Error{ErrorCode::kInvalidArgument,
                   "`" + plan.flow() + "` takes " + std::to_string(wanted.size()) +
                       " tables, here are " + std::to_string(tables.size())};
    }
    std::vector<engine::Batch> batches;
    for (size_t i = 0; i < tables.size(); ++i) {
      Result<engine::Batch> batch =
          InputOf(tables[i], i,
                  wanted.size() == 1 ? plan.flow() : plan.flow() + "(" + wanted[i].name + ")");
      if (!batch) return std::move(batch).error();
      batches.push_back(*std::move(batch));
    }
    return batches;
  }

 private:
  Result<engine::Batch> InputOf(const Table& table, size_t index, const std::string& name) const {
    engine::Result<engine::Batch> batch = library::ToBatch(
        table, flow->input_schema(index), PlanAccess::StateOf(plan).plan.inputs[index], name);
    if (!batch) return FromEngine(std::move(batch).error());
    return *std::move(batch);
  }
};

struct FlowAccess {
  static Flow Of(std::shared_ptr<const Flow::State> state) { return Flow(std::move(state)); }
  static const Flow::State& StateOf(const Flow& flow) { return *flow.state_; }
};

namespace {

engine::RequestOptions ToEngine(const RequestOptions& options) {
  engine::RequestOptions request;
  if (options.deadline) request.deadline = options.deadline->at();
  request.cancel = CancelAccess::Of(options.cancel);
  return request;
}

Result<Table> FromEngine(engine::Result<engine::Batch> rows) {
  if (!rows) return FromEngine(std::move(rows).error());
  return TableAccess::Of(*std::move(rows));
}

Result<std::vector<Table>> FromEngine(engine::Result<std::vector<engine::Batch>> batches) {
  if (!batches) return FromEngine(std::move(batches).error());
  std::vector<Table> tables;
  for (engine::Batch& batch : *batches) tables.push_back(TableAccess::Of(std::move(batch)));
  return tables;
}

/// What is tried first, unless the caller says otherwise.
Status CheckFiles(const Plan::State& plan, const DeployOptions& options) {
  if (!options.check_files) return Done{};
  engine::Status checked = tools::CheckPlanFiles(plan.plan, plan.base_dir);
  if (!checked) return FromEngine(std::move(checked).error());
  return Done{};
}

}  // namespace

Flow::Flow(std::shared_ptr<const State> state) : state_(std::move(state)) {}

const std::string& Flow::name() const { return state_->plan.flow(); }
const std::vector<TableSpec>& Flow::inputs() const { return state_->plan.inputs(); }
const std::vector<TableSpec>& Flow::results() const { return state_->plan.results(); }

Result<Table> Flow::Run(const Table& rows, const RequestOptions& options) const {
  Result<engine::Batch> input = state_->InputOf(rows);
  if (!input) return std::move(input).error();
  return FromEngine(
      state_->engine->engine.Run(*state_->flow, *std::move(input), ToEngine(options)));
}

void Flow::Submit(const Table& rows, const RequestOptions& options, Completion completion) const {
  Result<engine::Batch> input = state_->InputOf(rows);
  if (!input) return completion(std::move(input).error());
  state_->engine->engine.Submit(
      *state_->flow, *std::move(input), ToEngine(options),
      [completion = std::move(completion)](engine::Result<engine::Batch> result) {
        completion(FromEngine(std::move(result)));
      });
}

std::future<Result<Table>> Flow::Submit(const Table& rows, const RequestOptions& options) const {
  auto promise = std::make_shared<std::promise<Result<Table>>>();
  std::future<Result<Table>> future = promise->get_future();
  Submit(rows, options, [promise](Result<Table> result) { promise->set_value(std::move(result)); });
  return future;
}

Result<std::vector<Table>> Flow::RunTables(const std::vector<Table>& inputs,
                                           const RequestOptions& options) const {
  Result<std::vector<engine::Batch>> batches = state_->InputsOf(inputs);
  if (!batches) return std::move(batches).error();
  return FromEngine(
      state_->engine->engine.RunTables(*state_->flow, *std::move(batches), ToEngine(options)));
}

void Flow::SubmitTables(const std::vector<Table>& inputs, const RequestOptions& options,
                        TablesCompletion completion) const {
  Result<std::vector<engine::Batch>> batches = state_->InputsOf(inputs);
  if (!batches) return completion(std::move(batches).error());
  state_->engine->engine.SubmitTables(
      *state_->flow, *std::move(batches), ToEngine(options),
      [completion = std::move(completion)](engine::Result<std::vector<engine::Batch>> results) {
        completion(FromEngine(std::move(results)));
      });
}

std::future<Result<std::vector<Table>>> Flow::SubmitTables(const std::vector<Table>& inputs,
                                                           const RequestOptions& options) const {
  auto promise = std::make_shared<std::promise<Result<std::vector<Table>>>>();
  std::future<Result<std::vector<Table>>> future = promise->get_future();
  SubmitTables(inputs, options, [promise](Result<std::vector<Table>> results) {
    promise->set_value(std::move(results));
  });
  return future;
}

void AllowSegvHandler() { engine::load::AllowSegvHandler(); }

Result<Engine> Engine::Start(EngineOptions options) {
  if (options.num_workers < 0 || options.num_workers > kMaxWorkers) {
    return Error{ErrorCode::kInvalidArgument, "`num_workers` is " +
                                                  std::to_string(options.num_workers) +
                                                  ", not from 0 to " + std::to_string(kMaxWorkers)};
  }
  if (IsForkedOff()) return Forked("an engine");
  engine::EngineOptions engine;
  engine.num_workers = options.num_workers;
  operators::RegisterAll(engine.factories);
  return Engine(std::make_shared<State>(std::move(engine)));
}

Engine::Engine(std::shared_ptr<State> state) : state_(std::move(state)) {}
Engine::Engine(Engine&& other) noexcept = default;

Engine& Engine::operator=(Engine&& other) noexcept {
  if (this == &other) return *this;
  Engine ended(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

// Flows share the state and may be there for longer.
Engine::~Engine() { Stop(); }

void Engine::Stop() {
  if (state_ != nullptr) state_->engine.Stop();
}

// Whether it can change what it runs; `flow`, if there is one, must be its own.
Status Engine::CheckReady(const Flow* flow) const {
  if (state_ == nullptr) return Error{ErrorCode::kUnavailable, "this engine was moved from"};
  if (IsForkedOff()) return Forked("this engine");
  if (flow != nullptr && FlowAccess::StateOf(*flow).engine != state_) {
    return Error{ErrorCode::kInvalidArgument, "`" + flow->name() + "` is another engine's"};
  }
  return Done{};
}

Result<Flow> Engine::Deploy(const Plan& plan, DeployOptions options) {
  if (Status ready = CheckReady(nullptr); !ready) return std::move(ready).error();
  const Plan::State& given = PlanAccess::StateOf(plan);
  if (Status checked = CheckFiles(given, options); !checked) return std::move(checked).error();
  engine::Result<engine::FlowHandle> flow = state_->engine.Deploy(given.plan, given.base_dir);
  if (!flow) return FromEngine(std::move(flow).error());
  return FlowAccess::Of(std::make_shared<const Flow::State>(state_, *flow, plan));
}

Result<std::future<void>> Engine::Replace(const Flow& flow, const Plan& plan,
                                          DeployOptions options) {
  if (Status ready = CheckReady(&flow); !ready) return std::move(ready).error();
  const Plan::State& given = PlanAccess::StateOf(plan);
  if (Status checked = CheckFiles(given, options); !checked) return std::move(checked).error();
  engine::Result<std::future<void>> gone =
      state_->engine.Replace(*FlowAccess::StateOf(flow).flow, given.plan, given.base_dir);
  if (!gone) return FromEngine(std::move(gone).error());
  return *std::move(gone);
}

Result<std::future<void>> Engine::Undeploy(const Flow& flow) {
  if (Status ready = CheckReady(&flow); !ready) return std::move(ready).error();
  return state_->engine.Undeploy(*FlowAccess::StateOf(flow).flow);
}

int Engine::num_workers() const { return state_ == nullptr ? 0 : state_->engine.num_workers(); }

}  // namespace v0
}  // namespace raceway
