#include "engine/exec/branch.h"

#include <algorithm>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "engine/exec/request.h"

namespace raceway::engine {

Result<Branch> Branch::Make(const BranchSpec& spec, const SchemaPtr& input,
                            const StageSurroundings& around) {
  Branch branch;
  branch.name_ = spec.name;
  std::vector<SchemaPtr> schemas = {input};  // by port
  const auto port_of = [&](Port port) {
    if (port.stage < 0) return size_t{0};
    return branch.nodes_[static_cast<size_t>(port.stage)].first_port +
           static_cast<size_t>(port.output);
  };
  for (const StageSpec& stage_spec : spec.stages) {
    std::vector<Input> inputs;
    std::vector<SchemaPtr> in;
    for (const Port port : stage_spec.inputs) {
      inputs.push_back({.port = port_of(port)});
      in.push_back(schemas[inputs.back().port]);
    }
    std::vector<SchemaPtr> out;
    for (const Schema& schema : stage_spec.outputs()) {
      out.push_back(std::make_shared<const Schema>(schema));
    }
    Result<Stage> stage = Stage::Make(stage_spec, std::move(in), out, around);
    if (!stage) return std::move(stage).error();
    branch.is_worth_task_ = branch.is_worth_task_ || stage_spec.own_task;
    branch.nodes_.push_back({.stage = *std::move(stage),
                             .inputs = std::move(inputs),
                             .first_port = schemas.size(),
                             .num_ports = out.size()});
    schemas.insert(schemas.end(), out.begin(), out.end());
  }
  branch.num_ports_ = schemas.size();
  branch.output_port_ = port_of(spec.output);
  branch.output_schema_ = schemas[branch.output_port_];
  std::set<size_t> used = {branch.output_port_};
  for (auto node = branch.nodes_.rbegin(); node != branch.nodes_.rend(); ++node) {
    for (auto read = node->inputs.rbegin(); read != node->inputs.rend(); ++read) {
      read->is_last_use = used.insert(read->port).second;
    }
  }
  return branch;
}

Result<Batch> Branch::Run(Batch input, RunContext& context) const {
  std::vector<Batch> slots(num_ports_);
  slots[0] = std::move(input);
  for (const Node& node : nodes_) {
    if (const auto stop = context.cancel.Check()) return StopError(*stop, node.stage.place());
    std::vector<Batch> inputs;
    inputs.reserve(node.inputs.size());
    for (const Input& read : node.inputs) {
      inputs.push_back(read.is_last_use ? std::move(slots[read.port]) : slots[read.port]);
    }
    const auto outputs = std::span(slots).subspan(node.first_port, node.num_ports);
    Status status = node.stage.Run(inputs, outputs, context);
    if (!status) return std::move(status).error();
  }
  return std::move(slots[output_port_]);
}

bool Branch::is_row_wise() const {
  return std::all_of(nodes_.begin(), nodes_.end(),
                     [](const Node& node) { return node.stage.is_row_wise(); });
}

}  // namespace raceway::engine
