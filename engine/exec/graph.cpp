#include "engine/exec/graph.h"

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <string>
#include <utility>

namespace raceway::engine {

Result<std::unique_ptr<Graph>> Graph::Build(const PhysicalPlan& plan,
                                            const OperatorFactories& factories,
                                            const StoreOpener& open_store,
                                            const std::filesystem::path& base_dir,
                                            const Clock& clock, tbb::task_arena& arena) {
  std::unique_ptr<Graph> graph(new Graph(clock, arena));
  Status added = graph->AddStages(plan, {factories, open_store, base_dir, graph->workers_});
  if (!added) return std::move(added).error();
  graph->Connect(plan);
  graph->MakeTasks(plan);
  return graph;
}

Graph::Graph(const Clock& clock, tbb::task_arena& arena)
    : clock_(clock), arena_(arena), workers_(arena, in_flight_) {
  // A graph belongs to the arena it is made in.
  arena_.execute([this] { graph_.emplace(); });
}

Graph::~Graph() {
  in_flight_.Drain();
  graph_->wait_for_all();  // tasks whose request is over may still be on their way out
}

Status Graph::AddStages(const PhysicalPlan& plan, const StageSurroundings& around) {
  input_schema_ = std::make_shared<const Schema>(plan.inputs[0].schema);
  std::vector<SchemaPtr> schemas = {input_schema_};  // by port
  const auto port_of = [&](Port port) {
    return port.stage < 0 ? 0
                          : nodes_[static_cast<size_t>(port.stage)].first_port +
                                static_cast<size_t>(port.output);
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
  output_stage_ = plan.output.stage;
  output_port_ = port_of(plan.output);
  layout_.num_ports = schemas.size();
  layout_.num_stages = nodes_.size();

  const Schema& output = *schemas[output_port_];
  Schema result = plan.ResultSchema();
  // `select(a = b, b = a)` gives the same schema, and yet other columns.
  const auto keeps_name = [](const auto& renamed) { return renamed.first == renamed.second; };
  if (result == output && std::all_of(plan.result.begin(), plan.result.end(), keeps_name)) {
    result_schema_ = schemas[output_port_];
    return Done{};
  }
  result_schema_ = std::make_shared<const Schema>(std::move(result));
  result_columns_.emplace();
  for (const auto& [name, column] : plan.result) {
    result_columns_->push_back(output.IndexOf(column).value());
  }
  return Done{};
}

// Edges from stage to stage, and the counters for ports with several readers and for stages with
// several producers. A stage that reads two outputs of one producer waits for one arrival.
void Graph::Connect(const PhysicalPlan& plan) {
  const auto add_counter = [this](size_t value) {
    layout_.counters.push_back(static_cast<int32_t>(value));
    return static_cast<int32_t>(layout_.counters.size() - 1);
  };
  std::map<size_t, std::vector<Input*>> readers;  // by port
  for (Node& node : nodes_) {
    for (Input& input : node.inputs) readers[input.port].push_back(&input);
  }
  for (auto& [port, inputs] : readers) {
    if (inputs.size() < 2) continue;
    const int32_t uses = add_counter(inputs.size());
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
    if (!plan.stages[i].own_task) continue;
    const auto index = static_cast<int32_t>(i);
    nodes_[i].task = std::make_unique<TaskNode>(*graph_, tbb::flow::unlimited,
                                                [this, index](Request* request) noexcept {
                                                  request->next_ready(index) = -1;
                                                  Work(*request, {.first = index});
                                                  return tbb::flow::continue_msg();
                                                });
  }
}

void Graph::Submit(Request::Ptr request, Batch input) {
  in_flight_.Enter();  // the request
  in_flight_.Enter();  // this call
  request->slots()[0] = std::move(input);
  entry_->try_put(request.release());
  in_flight_.Leave();
}

void Graph::RunHere(Request::Ptr request, Batch input) {
  in_flight_.Enter();
  in_flight_.Enter();
  request->slots()[0] = std::move(input);
  Start(*request.release());
  in_flight_.Leave();
}

void Graph::Start(Request& request) noexcept {
  Ready ready;
  Forward(entry_edges_, request, ready);
  Work(request, ready);
}

// Cheap stages first: they may make others ready. `request` may be gone as soon as nothing is ready
// here: whoever else has it may have ended it.
void Graph::Work(Request& request, Ready ready) noexcept {
  while (true) {
    if (ready.first < 0) {
      if (ready.first_task < 0) return;
      HandOffAllButFirst(request, ready.first_task);
      ready.first = std::exchange(ready.first_task, -1);
    }
    const int32_t index = ready.first;
    ready.first = request.next_ready(index);
    const Node& node = nodes_[static_cast<size_t>(index)];
    RunStage(node, request);
    if (index == output_stage_) return Complete(request);
    Forward(node.edges, request, ready);
  }
}

void Graph::RunStage(const Node& node, Request& request) const noexcept {
  if (request.IsOver(node.stage.place())) return;
  const auto run = [&](std::span<Batch> inputs) {
    RunContext context{request.cancel(), clock_};
    const auto outputs = request.slots().subspan(node.first_port, node.num_ports);
    Status status = node.stage.Run(inputs, outputs, context);
    if (!status) request.Fail(std::move(status).error());
  };
  if (node.inputs.size() == 1) {
    Batch batch = request.Take(node.inputs[0].port, node.inputs[0].uses);
    return run({&batch, 1});
  }
  c10::SmallVector<Batch, 4> batches;
  for (const Input& input : node.inputs) batches.push_back(request.Take(input.port, input.uses));
  run({batches.data(), batches.size()});
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
    int32_t& first = is_task ? ready.first_task : ready.first;
    request.next_ready(edge->to) = std::exchange(first, edge->to);
  }
}

// Not if there is nothing to compute: waking a thread costs more than passing it on.
bool Graph::IsWorthTask(const Node& node, Request& request) const noexcept {
  if (request.IsOver(node.stage.place())) return false;
  if (node.inputs.size() > 1 || !node.stage.is_row_wise()) return true;
  return request.slots()[node.inputs[0].port].num_rows() > 0;
}

void Graph::HandOffAllButFirst(Request& request, int32_t first) const noexcept {
  int32_t index = std::exchange(request.next_ready(first), -1);
  while (index >= 0) {
    const int32_t next = request.next_ready(index);  // before another thread has it
    nodes_[static_cast<size_t>(index)].task->try_put(&request);
    index = next;
  }
}

void Graph::Complete(Request& request) noexcept {
  Request::Ptr owned(&request);
  Request::Completion completion = std::move(request.completion());
  Result<Batch> result = Batch();
  if (const Error* error = request.error()) {
    result = *error;
  } else {
    Batch batch = std::move(request.slots()[output_port_]);
    if (result_columns_) {
      std::vector<Column> columns;
      for (const size_t column : *result_columns_) columns.push_back(batch.column(column));
      batch = Batch(result_schema_, std::move(columns), batch.num_rows(), batch.row_ids());
    }
    result = std::move(batch);
  }
  owned.reset();  // what it holds is free when the caller learns that it is over
  completion(std::move(result));
  completion = nullptr;
  in_flight_.Leave();
}

}  // namespace raceway::engine
