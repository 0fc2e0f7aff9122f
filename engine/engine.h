#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/data/batch.h"
#include "engine/operator.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"
#include "engine/store.h"

namespace raceway::engine {

class Graph;

struct EngineOptions {
  int num_workers = 0;  // threads that run stages, besides those that call `Run`; 0: one per core
  OperatorFactories factories;
  const Clock* clock = nullptr;  // outlives the engine; null: the machine's steady clock
  /// Opens the stores that flows name; null: `OpenStore` (engine/store/open_store.h). A test puts
  /// rows of its own here (`MakeRowStore`).
  StoreOpener open_store = nullptr;
};

struct RequestOptions {
  std::optional<TimePoint> deadline;  // by the engine's clock
  /// Cancels the request; several requests may share it.
  std::shared_ptr<const CancelToken> cancel;
};

/// A plan that an engine can run. Lives as long as its engine.
class DeployedFlow {
 public:
  ~DeployedFlow();
  DeployedFlow(const DeployedFlow&) = delete;

  const std::string& name() const { return name_; }
  size_t num_inputs() const;
  size_t num_results() const;
  /// The columns of the flow's signature; of a flow with several tables, of its first unless told
  /// otherwise.
  const SchemaPtr& input_schema(size_t index = 0) const;
  const SchemaPtr& result_schema(size_t index = 0) const;

 private:
  friend class Engine;
  DeployedFlow(std::string name, std::unique_ptr<Graph> graph);

  std::string name_;
  std::unique_ptr<Graph> graph_;
};

/// Runs plans: what a service embeds.
///
/// A request ends exactly once, with its rows or with an error, whatever operators do. Its input
/// must have the columns of the flow's input, in any order; no rows are fine.
///
/// Threads  all functions but construction and destruction may be called from any thread
class Engine {
 public:
  /// Gets the result, in a thread of the engine or in the caller's. Must not throw, and must not
  /// wait for other requests: it holds up the thread that would run them.
  using Completion = std::function<void(Result<Batch>)>;

  explicit Engine(EngineOptions options);
  /// Waits for the requests in flight, their completions included.
  ~Engine();
  Engine(const Engine&) = delete;

  /// Makes the operators of `plan`; models are loaded before it returns. Paths in the plan are
  /// relative to `base_dir`.
  ///
  /// Errors   InvalidArgument for a bad plan, Unsupported for an operator that the engine does not
  ///          have, Unavailable for a missing file or device
  Result<DeployedFlow*> Deploy(const PhysicalPlan& plan, const std::filesystem::path& base_dir);

  /// Returns at once; a worker runs the request. `completion` is called exactly once, here and now
  /// if `input` is not what the flow takes.
  void Submit(DeployedFlow& flow, Batch input, RequestOptions options, Completion completion);
  std::future<Result<Batch>> Submit(DeployedFlow& flow, Batch input, RequestOptions options = {});

  /// Runs the request in this thread, helped by workers where branches run side by side, and waits
  /// for its end. The quickest way for one request: a short flow wakes no other thread.
  Result<Batch> Run(DeployedFlow& flow, Batch input, RequestOptions options = {});

  /// The same of flows that take or give several tables, in the order of the signature; such flows
  /// refuse the calls above. It is one request all the same: all of its tables, or one error.
  std::future<Result<std::vector<Batch>>> SubmitTables(DeployedFlow& flow,
                                                       std::vector<Batch> inputs,
                                                       RequestOptions options = {});
  Result<std::vector<Batch>> RunTables(DeployedFlow& flow, std::vector<Batch> inputs,
                                       RequestOptions options = {});

  int num_workers() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace raceway::engine
