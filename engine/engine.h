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
class Tracer;
struct FlowTable;

struct EngineOptions {
  int num_workers = 0;  // threads that run stages, besides those that call `Run`; 0: one per core
  OperatorFactories factories;
  const Clock* clock = nullptr;  // outlives the engine; null: the machine's steady clock
  /// Opens the stores that flows name; null: `OpenStore` (engine/store/open_store.h). A test puts
  /// rows of its own here (`MakeRowStore`).
  StoreOpener open_store = nullptr;
  /// Lets TBB start `num_workers` threads where the process allows it fewer, by default one less
  /// than there are cores: enough where callers `Run`, one too few for `Submit` to use them all.
  /// The limit is that of the whole process, so a library leaves it alone and a program of its own
  /// may raise it.
  bool may_raise_thread_limit = false;
  Tracer* tracer =
      nullptr;  // notes what each request does when (engine/trace/); outlives the engine
};

struct RequestOptions {
  std::optional<TimePoint> deadline;  // by the engine's clock
  /// Cancels the request; several requests may share it.
  std::shared_ptr<const CancelToken> cancel;
};

/// A flow that an engine runs: the place where its plan is, which may be another one tomorrow
/// (`Engine::Replace`), with the same tables in and out.
///
/// Threads  all functions may be called from any
class DeployedFlow {
 public:
  /// Undeploys it, if nobody has.
  ~DeployedFlow();
  DeployedFlow(const DeployedFlow&) = delete;

  const std::string& name() const { return name_; }
  bool is_deployed() const;
  size_t num_inputs() const;
  size_t num_results() const;
  /// The columns of the flow's signature; of a flow with several tables, of its first unless told
  /// otherwise.
  const SchemaPtr& input_schema(size_t index = 0) const;
  const SchemaPtr& result_schema(size_t index = 0) const;

 private:
  friend class Engine;
  struct Versions;
  DeployedFlow(std::string name, std::unique_ptr<Versions> versions);

  const std::string name_;
  const std::unique_ptr<Versions> versions_;
};

/// Whoever has one may send requests. The last one to go undeploys the flow.
using FlowHandle = std::shared_ptr<DeployedFlow>;

/// Runs plans: what a service embeds.
///
/// A request ends exactly once, with its rows or with an error, whatever operators do. Its input
/// must have the columns of the flow's input, in any order; no rows are fine.
///
/// As a guest in a process it sets no signal handlers, environment variables or numbers of threads
/// that are not its own. Several engines share TBB's threads. A process that was forked off from
/// one with an engine can use none: all calls end with Unavailable.
///
/// Threads  all functions but construction and destruction may be called from any thread
class Engine {
 public:
  /// Gets the result, in a thread of the engine or in the caller's. Must not throw, and must not
  /// wait for other requests: it holds up the thread that would run them.
  using Completion = std::function<void(Result<Batch>)>;
  using TablesCompletion = std::function<void(Result<std::vector<Batch>>)>;

  explicit Engine(EngineOptions options);
  /// Stops it. Handles may outlive it.
  ~Engine();
  Engine(const Engine&) = delete;

  /// Undeploys all flows and waits for the requests in flight, their completions included: so no
  /// completion may call it. From then on all calls end with Unavailable, also those that race with
  /// it. In a process that was forked off it does nothing.
  void Stop();

  /// Makes the operators of `plan`; models are loaded before it returns. Paths in the plan are
  /// relative to `base_dir`.
  ///
  /// Errors   InvalidArgument for a bad plan, Unsupported for an operator that the engine does not
  ///          have, Unavailable for a missing file or device, or in a process that was forked off
  Result<FlowHandle> Deploy(const PhysicalPlan& plan, const std::filesystem::path& base_dir);

  /// Later requests to `flow` run by `plan`, those in flight by the plan they began with. Until the
  /// models of `plan` are loaded, and if they cannot be, nothing changes. What it returns is ready
  /// once the old plan's requests have ended and its operators are gone; nobody must wait for it.
  ///
  /// Errors   those of `Deploy`; InvalidArgument if the tables in or out are others than those of
  ///          `flow`, Unavailable if it was undeployed
  Result<std::future<void>> Replace(DeployedFlow& flow, const PhysicalPlan& plan,
                                    const std::filesystem::path& base_dir);

  /// From now on requests to `flow` end with Unavailable; those in flight go on. What it returns is
  /// ready once they have ended and the operators are gone, at once if it was undeployed before;
  /// nobody must wait for it, and neither a completion nor an operator may.
  std::future<void> Undeploy(DeployedFlow& flow);

  /// Returns at once; a worker runs the request. `completion` is called exactly once, here and now
  /// if `input` is not what the flow takes.
  void Submit(DeployedFlow& flow, Batch input, RequestOptions options, Completion completion);
  std::future<Result<Batch>> Submit(DeployedFlow& flow, Batch input, RequestOptions options = {});

  /// Runs the request in this thread, helped by workers where branches run side by side, and waits
  /// for its end. The quickest way for one request: a short flow wakes no other thread.
  Result<Batch> Run(DeployedFlow& flow, Batch input, RequestOptions options = {});

  /// The same of flows that take or give several tables, in the order of the signature; such flows
  /// refuse the calls above. It is one request all the same: all of its tables, or one error.
  void SubmitTables(DeployedFlow& flow, std::vector<Batch> inputs, RequestOptions options,
                    TablesCompletion completion);
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
