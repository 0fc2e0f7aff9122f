#pragma once

#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/graph_workers.h"
#include "engine/exec/in_flight.h"
#include "engine/exec/places.h"
#include "engine/exec/request.h"
#include "engine/exec/stage.h"
#include "engine/exec/stage_trace.h"
#include "engine/exec/timer.h"
#include "engine/operator.h"
#include "engine/plan/physical_plan.h"

namespace raceway::engine {

/// What callers send or get; inside of a graph columns may have other names.
struct FlowTable {
  std::string name;
  SchemaPtr schema;
};

/// A plan that runs: its stages, who waits for whom, and the TBB graph that moves requests from
/// thread to thread.
///
/// A request stays with its thread from stage to stage. Only where a thread finds several stages
/// ready that are worth a task (`own_task`), it keeps one and offers the others to the workers, who
/// put the request into their TBB nodes. So a hop is a call, and a hand-off is a TBB message: the
/// `Request*` alone. A thread that has nothing else to do takes back what no worker has begun.
///
/// Every edge carries every request exactly once, also one that has failed: it passes through
/// without being run. So the stage of the output is the last to see it, and it ends exactly once;
/// of several outputs the stage that is through last ends it.
///
/// A stage may wait for an answer that another thread has (`Operator::Start`): then its thread goes
/// on with what else is ready, and a worker goes on behind the stage when the answer is there.
///
/// It lives as long as anybody uses it: its owner, requests in flight, their completions included,
/// and callers. Whoever leaves last ends it.
///
/// Neither copied nor moved: bodies hold `this`.
class Graph {
 public:
  /// All outlive the graph.
  struct Surroundings {
    const OperatorFactories& factories;
    const StoreOpener& open_store;
    const Clock& clock;
    tbb::task_arena& arena;  // where its tasks run
    Places& places;
    Timer& timer;
    InFlight& graphs;  // those of the engine; it is left when the graph is gone
    Tracer* tracer;    // null: nobody traces
  };
  struct Leaving {
    void operator()(Graph* graph) const { graph->Leave(); }
  };
  /// Keeps the graph alive: of whoever made it, and of whoever calls it.
  using User = std::unique_ptr<Graph, Leaving>;

  /// Makes the operators of a plan that is valid (`Validate`). May take long: operators load their
  /// models.
  static Result<User> Build(const PhysicalPlan& plan, const std::filesystem::path& base_dir,
                            const Surroundings& around);
  Graph(const Graph&) = delete;

  /// To be called while somebody else uses it.
  void Enter() { users_.fetch_add(1, std::memory_order_relaxed); }
  User MakeUser() { return Enter(), User(this); }
  /// Ends it, if it was the last: later, in a task of its own.
  void Leave();
  /// Ready once the graph and its operators are gone. To be called once.
  std::future<void> gone() { return gone_.get_future(); }

  const std::vector<FlowTable>& inputs() const { return inputs_; }
  const std::vector<FlowTable>& results() const { return results_; }

  Request::Ptr MakeRequest(RequestId id, Request::Completion completion) const {
    return Request::Make(layout_, id, std::move(completion));
  }
  /// Starts `request` in a worker of the arena. `inputs` have the schemas of `inputs()`. As with
  /// `RunHere`, the caller uses the graph while it calls.
  void Submit(Request::Ptr request, std::span<Batch> inputs);
  /// Starts it in this thread. When this returns, the request is over, or other threads have it.
  void RunHere(Request::Ptr request, std::span<Batch> inputs);

 private:
  /// Runs its body in whoever puts a message, which is always a task of its own (`PutEntry`,
  /// `Offer`).
  using TaskNode =
      tbb::flow::function_node<Request*, tbb::flow::continue_msg, tbb::flow::lightweight>;

  struct Input {
    size_t port = 0;
    int32_t uses = -1;  // counter of its readers left, -1: one reader
  };
  struct Edge {
    int32_t to = 0;
    int32_t arrivals = -1;  // counter of the producers that `to` waits for, -1: one producer
  };
  struct Node {
    Stage stage;
    std::vector<Input> inputs;
    size_t first_port = 0;  // of its outputs
    size_t num_ports = 0;
    std::vector<Edge> edges = {};
    std::unique_ptr<TaskNode> task = nullptr;  // where it is worth one
    int32_t offer = -1;                        // counter of such: 1 until somebody begins it
    bool is_output = false;
    bool may_wait = false;  // for an answer of one of its steps
    // For who has that answer:
    Graph* graph = nullptr;
    int32_t index = 0;
  };
  /// Where a result is found.
  struct Output {
    size_t port = 0;
    std::optional<std::vector<size_t>> columns = {};  // where they differ from those of the port
  };
  class Offers;
  /// Stages one thread has to run for one request, linked through the request.
  struct Ready {
    int32_t first = -1;
    int32_t first_task = -1;  // of those worth a task of their own
  };

  explicit Graph(const Surroundings& around);
  ~Graph() = default;
  void Trace(const PhysicalPlan& plan, Tracer* tracer);
  Result<Done> AddStages(const PhysicalPlan& plan, const StageSurroundings& around);
  void AddResult(const PhysicalPlan& plan, const ResultSpec& spec,
                 const std::vector<SchemaPtr>& schemas);
  void Fill(Request& request, std::span<Batch> inputs);
  void Connect(const PhysicalPlan& plan);
  void MakeTasks(const PhysicalPlan& plan);
  void End();

  /// A task of its own runs `body`, which must not throw; the graph stays until then.
  template <typename Body>
  void Enqueue(Body body);
  void PutEntry(Request& request);
  /// To the workers: the first of them, or whoever takes it back, runs it.
  void Offer(const Node& node, Request& request);
  static bool Begin(const Node& node, Request& request) noexcept {
    return request.counter(node.offer).exchange(0, std::memory_order_acq_rel) == 1;
  }
  void Start(Request& request) noexcept;
  void Work(Request& request, Ready ready) noexcept;
  /// Whether the stage is through, else it waits, and others may have gone on with the request.
  bool RunStage(const Node& node, Request& request) const noexcept;
  bool RunSteps(const Node& node, Request& request, std::span<Batch> inputs,
                int32_t first_step) const noexcept;
  /// What comes behind a stage that is through becomes ready. Whether the request is over.
  bool Pass(const Node& node, Request& request, Ready& ready) noexcept;
  /// The answer that a stage waits for is there: a worker goes on.
  void Resume(const Node& node, Request& request, Result<Batch> answer) noexcept;
  void Continue(const Node& node, Request& request) noexcept;
  /// From here on the times of `request` are noted, where somebody traces.
  void NoteBegin(Request& request) const noexcept {
    if (tracing_) request.ready_since(-1) = std::chrono::steady_clock::now();
  }
  void Forward(const std::vector<Edge>& edges, Request& request, Ready& ready) const noexcept;
  bool IsWorthTask(const Node& node, Request& request) const noexcept;
  Batch ResultOf(size_t index, Request& request) const noexcept;
  void Complete(Request& request) noexcept;

  const Clock& clock_;
  tbb::task_arena& arena_;
  Places& places_;
  InFlight& graphs_;
  Tracing tracing_;
  std::promise<void> gone_;
  std::atomic<int64_t> users_ = 1;         // the owner
  std::atomic<int32_t> num_offers_ = 0;    // that no worker has looked at yet
  std::optional<tbb::flow::graph> graph_;  // outlives its nodes below
  GraphWorkers workers_;                   // of the stages in the nodes below
  RequestLayout layout_;
  std::vector<FlowTable> inputs_;
  std::vector<SchemaPtr> input_schemas_;  // as the plan has them, null where they are the callers'
  std::vector<FlowTable> results_;
  std::vector<Output> outputs_;  // of each result
  int32_t outputs_left_ = -1;    // counter of their stages still to run, -1: there is one
  std::vector<Edge> entry_edges_;
  std::optional<TaskNode> entry_;
  std::vector<Node> nodes_;
};

}  // namespace raceway::engine
