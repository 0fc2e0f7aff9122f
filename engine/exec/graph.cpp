#include "engine/exec/graph.h"

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

namespace raceway::engine {

namespace {

/// Of one graph to the workers at once.
constexpr int32_t kMostOffers = 64;

}  // namespace

/// What one thread has offered to the workers of one request's stages. It holds the request's
/// counters: the request may be over when it asks whether somebody has begun them.
class Graph::Offers {
 public:
  Offers(Graph& graph, Request& request) : graph_(graph), request_(request) {}
  ~Offers() {
    if (holds_) request_.LetGo();
  }
  Offers(const Offers&) = delete;

  /// The stages linked from `first` on, without it.
  void AddAllButFirst(int32_t first);
  /// The last one that nobody has begun: it is to be run here. -1: there is none.
  int32_t TakeBack();

 private:
  Graph& graph_;
  Request& request_;
  bool holds_ = false;
  c10::SmallVector<int32_t, 16> stages_;
};

template <typename Body>
void Graph::Enqueue(Body body) {
  Enter();  // all may be over before `body` returns
  places_.Take();
  arena_.enqueue([this, body]() noexcept {
    body();
    places_.Give();
    Leave();
  });
}

Result<Graph::User> Graph::Build(const PhysicalPlan& plan, const std::filesystem::path& base_dir,
                                 const Surroundings& around) {
  User graph(new Graph(around));
  graph->Trace(plan, around.tracer);
  Status added =
      graph->AddStages(plan, {around.factories, around.open_store, base_dir, graph->workers_});
  if (!added) {
    graph.release()->End();  // at once: nobody else has seen it
    return std::move(added).error();
  }
  graph->Connect(plan);
  graph->MakeTasks(plan);
  return graph;
}

Graph::Graph(const Surroundings& around)
    : clock_(around.clock),
      arena_(around.arena),
      places_(around.places),
      graphs_(around.graphs),
      workers_(around.arena, around.places, around.timer, *this) {
  graphs_.Enter();
  // A graph belongs to the arena it is made in.
  arena_.execute([this] { graph_.emplace(); });
}

void Graph::Trace(const PhysicalPlan& plan, Tracer* tracer) {
  if (tracer == nullptr) return;
  TracedFlow flow{plan.flow, {}};
  for (const StageSpec& stage : plan.stages) flow.stages.push_back(stage.name);
  tracing_ = {tracer, tracer->AddFlow(std::move(flow))};
  layout_.is_traced = true;
}

// Not here and now: this may be one of the graph's own tasks, and ending waits for those.
void Graph::Leave() {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  InFlight& graphs = graphs_;
  graphs.Enter();  // the arena must outlive this call, too
  arena_.enqueue([this] { End(); });
  graphs.Leave();
}

void Graph::End() {
  graph_->wait_for_all();  // tasks whose request is over may still be on their way out
  std::promise<void> gone = std::move(gone_);
  InFlight& graphs = graphs_;
  delete this;
  gone.set_value();
  graphs.Leave();
}

Status Graph::AddStages(const PhysicalPlan& plan, const StageSurroundings& around) {
  std::vector<SchemaPtr> schemas;  // by port
  for (const InputSpec& input : plan.inputs) {
    schemas.push_back(std::make_shared<const Schema>(input.schema));
    const bool is_renamed = !input.caller_names.empty();
    input_schemas_.push_back(is_renamed ? schemas.back() : nullptr);
    inputs_.push_back({input.name, is_renamed ? std::make_shared<const Schema>(input.CallerSchema())
                                              : schemas.back()});
  }
  const auto port_of = [&](Port port) {
    const auto output = static_cast<size_t>(port.output);
    return port.stage < 0 ? output : nodes_[static_cast<size_t>(port.stage)].first_port + output;
  };
  for (const StageSpec& spec : plan.stages) {
    std::vector<SchemaPtr> inputs;
    std::vector<Input> ports;
    for (const Port port : spec.inputs) {
      ports.push_back({.port = port_of(port)});
      inputs.push_back(schemas[ports.back().port]);
    }
    std::vector<SchemaPtr> outputs;
    for (const Schema& schema : spec.outputs()) {
      outputs.push_back(std::make_shared<const Schema>(schema));
    }
    Result<Stage> stage = Stage::Make(spec, std::move(inputs), outputs, around);
    if (!stage) return std::move(stage).error();
    nodes_.push_back({.stage = *std::move(stage),
                      .inputs = std::move(ports),
                      .first_port = schemas.size(),
                      .num_ports = outputs.size()});
    schemas.insert(schemas.end(), outputs.begin(), outputs.end());
  }
  layout_.num_ports = schemas.size();
  layout_.num_stages = nodes_.size();
  for (const ResultSpec& result : plan.results) {
    outputs_.push_back({.port = port_of(result.output)});
    if (result.output.stage >= 0) nodes_[static_cast<size_t>(result.output.stage)].is_output = true;
    AddResult(plan, result, schemas);
  }
  return Done{};
}

void Graph::AddResult(const PhysicalPlan& plan, const ResultSpec& spec,
                      const std::vector<SchemaPtr>& schemas) {
  Output& output = outputs_.back();
  const SchemaPtr& found = schemas[output.port];
  Schema result = plan.ResultSchema(spec);
  // `select(a = b, b = a)` gives the same schema, and yet other columns.
  const auto keeps_name = [](const auto& renamed) { return renamed.first == renamed.second; };
  if (result == *found && std::all_of(spec.columns.begin(), spec.columns.end(), keeps_name)) {
    results_.push_back({spec.name, found});
    return;
  }
  results_.push_back({spec.name, std::make_shared<const Schema>(std::move(result))});
  output.columns.emplace();
  for (const auto& [name, column] : spec.columns) {
    output.columns->push_back(found->IndexOf(column).value());
  }
}

// Edges from stage to stage, and the counters for ports with several readers and for stages with
// several producers. A stage that reads two outputs of one producer waits for one arrival.
void Graph::Connect(const PhysicalPlan& plan) {
  const auto add_counter = [this](size_t value) {
    layout_.counters.push_back(static_cast<int32_t>(value));
    return static_cast<int32_t>(layout_.counters.size() - 1);
  };
  const auto num_outputs =
      std::count_if(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.is_output; });
  if (num_outputs > 1) outputs_left_ = add_counter(static_cast<size_t>(num_outputs));
  std::map<size_t, std::vector<Input*>> readers;  // by port
  for (Node& node : nodes_) {
    for (Input& input : node.inputs) readers[input.port].push_back(&input);
  }
  for (auto& [port, inputs] : readers) {
    const size_t at = port;
    const bool is_kept = std::any_of(outputs_.begin(), outputs_.end(),
                                     [&](const Output& output) { return output.port == at; });
    const size_t num_uses = inputs.size() + (is_kept ? 1 : 0);  // results are read at the end
    if (num_uses < 2) continue;
    const int32_t uses = add_counter(num_uses);
    for (Input* input : inputs) input->uses = uses;
  }
  for (size_t to = 0; to < nodes_.size(); ++to) {
    std::vector<int32_t> producers;
    for (const Port port : plan.stages[to].inputs) {
      if (std::find(producers.begin(), producers.end(), port.stage) == producers.end()) {
        producers.push_back(port.stage);
      }
    }
    const int32_t arrivals = producers.size() > 1 ? add_counter(producers.size()) : -1;
    for (const int32_t from : producers) {
      std::vector<Edge>& edges = from < 0 ? entry_edges_ : nodes_[static_cast<size_t>(from)].edges;
      edges.push_back({.to = static_cast<int32_t>(to), .arrivals = arrivals});
    }
  }
}

void Graph::MakeTasks(const PhysicalPlan& plan) {
  entry_.emplace(*graph_, tbb::flow::unlimited, [this](Request* request) noexcept {
    Start(*request);
    return tbb::flow::continue_msg();
  });
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const auto index = static_cast<int32_t>(i);
    nodes_[i].graph = this;
    nodes_[i].index = index;
    nodes_[i].may_wait = nodes_[i].stage.may_answer_later();
    if (!plan.stages[i].own_task) continue;
    nodes_[i].offer = static_cast<int32_t>(layout_.counters.size());
    layout_.counters.push_back(1);
    nodes_[i].task = std::make_unique<TaskNode>(*graph_, tbb::flow::unlimited,
                                                [this, index](Request* request) noexcept {
                                                  request->next_ready(index) = -1;
                                                  Work(*request, {.first = index});
                                                  return tbb::flow::continue_msg();
                                                });
  }
}

// The rows of a table count on from those of the table before it, so that each row of a request
// has a number of its own.
void Graph::Fill(Request& request, std::span<Batch> inputs) {
  int64_t num_rows = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Batch& rows = inputs[i];
    RowIds ids;
    if (i > 0) {
      auto counted = std::make_shared<std::vector<int64_t>>(static_cast<size_t>(rows.num_rows()));
      std::iota(counted->begin(), counted->end(), num_rows);
      ids = std::move(counted);
    }
    num_rows += rows.num_rows();
    const SchemaPtr& schema = input_schemas_[i];
    request.slots()[i] = ids || schema ? Batch(schema ? schema : rows.schema(), rows.columns(),
                                               rows.num_rows(), std::move(ids))
                                       : std::move(rows);
  }
}

void Graph::Submit(Request::Ptr request, std::span<Batch> inputs) {
  Enter();  // until `Complete`
  NoteBegin(*request);
  Fill(*request, inputs);
  PutEntry(*request.release());
}

void Graph::RunHere(Request::Ptr request, std::span<Batch> inputs) {
  Enter();
  NoteBegin(*request);
  Fill(*request, inputs);
  Start(*request.release());
}

void Graph::Start(Request& request) noexcept {
  Ready ready;
  Forward(entry_edges_, request, ready);
  Work(request, ready);
}

// Cheap stages first: they may make others ready. `request` may be gone as soon as nothing is ready
// here: whoever else has it may have ended it.
void Graph::Work(Request& request, Ready ready) noexcept {
  Offers offers(*this, request);
  while (true) {
    if (ready.first < 0 && ready.first_task >= 0) {
      offers.AddAllButFirst(ready.first_task);
      ready.first = std::exchange(ready.first_task, -1);
    }
    if (ready.first < 0) ready.first = offers.TakeBack();
    if (ready.first < 0) return;
    const Node& node = nodes_[static_cast<size_t>(ready.first)];
    ready.first = request.next_ready(ready.first);
    if (!RunStage(node, request)) continue;
    if (Pass(node, request, ready)) return;
  }
}

bool Graph::Pass(const Node& node, Request& request, Ready& ready) noexcept {
  if (node.is_output && outputs_left_ < 0) return Complete(request), true;
  Forward(node.edges, request, ready);
  if (!node.is_output) return false;
  // From here on the request is ours only if a stage became ready: that leads to another output.
  if (request.counter(outputs_left_).fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
  return Complete(request), true;
}

bool Graph::RunStage(const Node& node, Request& request) const noexcept {
  if (request.IsOver(node.stage.place())) {
    if (tracing_) tracing_.NotePass(request, node.index);
    return true;
  }
  if (node.inputs.size() == 1) {
    Batch batch = request.Take(node.inputs[0].port, node.inputs[0].uses);
    return RunSteps(node, request, {&batch, 1}, 0);
  }
  c10::SmallVector<Batch, 4> batches;
  for (const Input& input : node.inputs) batches.push_back(request.Take(input.port, input.uses));
  return RunSteps(node, request, {batches.data(), batches.size()}, 0);
}

bool Graph::RunSteps(const Node& node, Request& request, std::span<Batch> inputs,
                     int32_t first_step) const noexcept {
  StageTrace trace(tracing_, request, node.index);
  if (tracing_) trace.Taken(inputs[0] ? inputs[0].num_rows() : -1);
  RunContext context{request.cancel(), clock_, nullptr, &node.graph->workers_, &request};
  const auto outputs = request.slots().subspan(node.first_port, node.num_ports);
  if (!node.may_wait) {
    Status status = node.stage.Run(inputs, outputs, context);
    if (!status) request.Fail(std::move(status).error());
    return true;
  }
  // While a stage runs nobody asks who is to be run after it: the place tells which step waits.
  int32_t& step = request.next_ready(node.index);
  step = first_step;
  std::optional<Status> status =
      node.stage.Start(inputs, outputs, context, step, [&node, &request](Result<Batch> answer) {
        node.graph->Resume(node, request, std::move(answer));
      });
  if (!status) return false;
  if (!*status) request.Fail(std::move(*status).error());
  return true;
}

void Graph::Resume(const Node& node, Request& request, Result<Batch> answer) noexcept {
  const int32_t step = request.next_ready(node.index);
  if (answer && !*answer) answer = NoBatch();
  if (answer) {
    request.slots()[node.first_port] = *std::move(answer);
  } else {
    request.Fail(node.stage.Located(std::move(answer).error(), step));
  }
  if (tracing_) request.ready_since(node.index) = std::chrono::steady_clock::now();
  Enqueue([this, &node, &request] { Continue(node, request); });
}

void Graph::Continue(const Node& node, Request& request) noexcept {
  if (!request.IsOver(node.stage.place())) {
    Batch batch = std::move(request.slots()[node.first_port]);
    if (!RunSteps(node, request, {&batch, 1}, request.next_ready(node.index) + 1)) return;
  }
  Ready ready;
  if (!Pass(node, request, ready)) Work(request, ready);
}

// The request stays ours until its last edge is counted, and after that if a stage became ready:
// then the output's stage cannot have run yet.
void Graph::Forward(const std::vector<Edge>& edges, Request& request, Ready& ready) const noexcept {
  for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge) {
    if (edge->arrivals >= 0 &&
        request.counter(edge->arrivals).fetch_sub(1, std::memory_order_acq_rel) != 1) {
      continue;
    }
    const Node& node = nodes_[static_cast<size_t>(edge->to)];
    const bool is_task = node.task != nullptr && IsWorthTask(node, request);
    if (tracing_) request.ready_since(edge->to) = std::chrono::steady_clock::now();
    int32_t& first = is_task ? ready.first_task : ready.first;
    request.next_ready(edge->to) = std::exchange(first, edge->to);
  }
}

// Not if there is nothing to compute: waking a thread costs more than passing it on. Nor while
// workers are busy elsewhere: what was taken back from them waits in their queue nevertheless.
bool Graph::IsWorthTask(const Node& node, Request& request) const noexcept {
  if (num_offers_.load(std::memory_order_relaxed) >= kMostOffers) return false;
  if (request.IsOver(node.stage.place())) return false;
  if (node.inputs.size() > 1 || !node.stage.is_row_wise()) return true;
  return request.slots()[node.inputs[0].port].num_rows() > 0;
}

// Out of a task that is enqueued, not from here: such a task is sure of a thread, though the
// process may allow TBB no workers and the thread that waits may be none of the arena. The node
// runs in it.
void Graph::PutEntry(Request& request) {
  Enqueue([this, &request] { entry_->try_put(&request); });
}

void Graph::Offer(const Node& node, Request& request) {
  request.Hold();
  num_offers_.fetch_add(1, std::memory_order_relaxed);
  Enqueue([this, &node, &request] {
    num_offers_.fetch_sub(1, std::memory_order_relaxed);
    if (Begin(node, request)) node.task->try_put(&request);
    request.LetGo();
  });
}

void Graph::Offers::AddAllButFirst(int32_t first) {
  int32_t index = std::exchange(request_.next_ready(first), -1);
  if (index >= 0 && !std::exchange(holds_, true)) request_.Hold();
  while (index >= 0) {
    const int32_t next = request_.next_ready(index);  // before another thread has it
    graph_.Offer(graph_.nodes_[static_cast<size_t>(index)], request_);
    stages_.push_back(index);
    index = next;
  }
}

int32_t Graph::Offers::TakeBack() {
  while (!stages_.empty()) {
    const int32_t index = stages_.pop_back_val();
    if (!Begin(graph_.nodes_[static_cast<size_t>(index)], request_)) continue;
    request_.next_ready(index) = -1;
    return index;
  }
  return -1;
}

Batch Graph::ResultOf(size_t index, Request& request) const noexcept {
  const Output& output = outputs_[index];
  Batch& slot = request.slots()[output.port];
  if (!output.columns) return outputs_.size() == 1 ? std::move(slot) : slot;
  std::vector<Column> columns;
  for (const size_t column : *output.columns) columns.push_back(slot.column(column));
  return Batch(results_[index].schema, std::move(columns), slot.num_rows(), slot.row_ids());
}

void Graph::Complete(Request& request) noexcept {
  Request::Ptr owned(&request);
  Request::Completion completion = std::move(request.completion());
  Result<Batch> result = Batch();
  if (const Error* error = request.error()) {
    result = *error;
  } else {
    result = ResultOf(0, request);
    for (size_t i = 1; i < outputs_.size() && request.more_results() != nullptr; ++i) {
      request.more_results()->push_back(ResultOf(i, request));
    }
  }
  if (tracing_) tracing_.NoteRequest(request, result.ok() && *result ? result->num_rows() : -1);
  owned.reset();  // what it holds is free when the caller learns that it is over
  completion(std::move(result));
  completion = nullptr;
  Leave();
}

}  // namespace raceway::engine
