#include "compiler/rewrite/narrow_copies.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace raceway::compiler {
namespace {

using Columns = std::vector<std::string>;
using Needed = std::set<std::string>;

/// What a step wants of the end of its branch `index`.
Needed WantedOf(const Step& step, size_t index) {
  Needed wanted(step.outputs.front().begin(), step.outputs.front().end());
  for (const std::string& column : step.Defines()) wanted.erase(column);
  for (const auto& [column, from] : step.sources) wanted.insert(from[index]);
  if (!step.branches[index].accept.empty()) wanted.insert(step.branches[index].accept);
  return wanted;
}

Needed NeededBy(const Step& step, size_t input);

/// What a branch needs of what comes into its step, of whose end the step wants `wanted`. A stage
/// lists what leaves its first step, so that no other step needs more.
Needed NeededBy(const Branch& branch, Needed wanted) {
  Needed needed;
  if (branch.output.stage < 0) needed = std::move(wanted);
  for (const Stage& stage : branch.stages) {
    for (size_t i = 0; i < stage.inputs.size(); ++i) {
      if (stage.inputs[i].stage < 0) needed.merge(NeededBy(stage.steps.front(), i));
    }
  }
  return needed;
}

/// What `step` needs of its input number `input` for all that it reads, hands on, and does in its
/// branches. May name columns that do not come from there.
Needed NeededBy(const Step& step, size_t input) {
  Needed needed;
  if (step.branches.empty()) {
    for (const Columns& output : step.outputs) needed.insert(output.begin(), output.end());
    for (const std::string& column : step.Defines()) needed.erase(column);
  }
  for (size_t i = 0; i < step.branches.size(); ++i) {
    needed.merge(NeededBy(step.branches[i], WantedOf(step, i)));
  }
  if (step.kind == StepKind::kUnion) {
    for (const auto& [column, from] : step.sources) needed.insert(from[input]);
  } else {
    const Columns reads = step.Reads();
    needed.insert(reads.begin(), reads.end());
  }
  return needed;
}

void CollectNames(const std::vector<Stage>& stages, std::set<std::string>& names) {
  for (const Stage& stage : stages) {
    names.insert(stage.name);
    for (const Step& step : stage.steps) {
      for (const Branch& branch : step.branches) CollectNames(branch.stages, names);
    }
  }
}

/// The stages of a plan or of a branch.
class Narrowing {
 public:
  /// What is wanted of an output.
  struct Output {
    Port* port;
    Needed wanted;
  };

  /// `inputs` and `outputs` lie on `device`; `names` are those of all stages.
  Narrowing(std::vector<const Columns*> inputs, std::string device, std::set<std::string>& names)
      : inputs_(std::move(inputs)), device_(std::move(device)), names_(names) {}

  void Run(std::vector<Stage>& stages, const std::vector<Output>& outputs) {
    for (Stage& stage : stages) {
      const Step& first = stage.steps.front();
      for (size_t i = 0; i < stage.inputs.size(); ++i) {
        stage.inputs[i] =
            Narrowed(Moved(stage.inputs[i]), stage.device, NeededBy(first, i), first.where);
      }
      NarrowBranches(stage);
      moved_.push_back(static_cast<int32_t>(stages_.size()));
      stages_.push_back(std::move(stage));
    }
    for (const auto& [port, wanted] : outputs) {
      *port = Moved(*port);
      if (port->stage < 0) continue;
      *port = Narrowed(*port, device_, wanted, StageOf(*port).steps.back().where);
    }
    stages = std::move(stages_);
  }

 private:
  Port Moved(Port port) const {
    if (port.stage >= 0) port.stage = moved_[static_cast<size_t>(port.stage)];
    return port;
  }

  const Stage& StageOf(Port port) const { return stages_[static_cast<size_t>(port.stage)]; }

  const Columns& ColumnsOf(Port port) const {
    if (port.stage < 0) return *inputs_[static_cast<size_t>(port.output)];
    return StageOf(port).steps.back().outputs[static_cast<size_t>(port.output)];
  }

  void NarrowBranches(Stage& stage) {
    for (size_t i = 0; i < stage.steps.size(); ++i) {
      Step& step = stage.steps[i];
      if (step.branches.empty()) continue;
      const Columns input =
          i == 0 ? ColumnsOf(stage.inputs.front()) : stage.steps[i - 1].outputs.front();
      for (size_t b = 0; b < step.branches.size(); ++b) {
        Branch& branch = step.branches[b];
        Narrowing({&input}, stage.device, names_)
            .Run(branch.stages, {{&branch.output, WantedOf(step, b)}});
      }
    }
  }

  /// What a reader on `device` reads in place of `port`: the port, or what is `needed` of it.
  Port Narrowed(Port port, const std::string& device, const Needed& needed,
                dsl::SourceRange where) {
    const std::string from = port.stage < 0 ? device_ : StageOf(port).device;
    const Columns& columns = ColumnsOf(port);
    Columns kept;
    std::copy_if(columns.begin(), columns.end(), std::back_inserter(kept),
                 [&](const std::string& column) { return needed.contains(column); });
    if (from == device || kept.size() == columns.size()) return port;
    const auto same = std::find_if(stages_.begin(), stages_.end(), [&](const Stage& stage) {
      return stage.inputs == std::vector<Port>{port} && stage.device == from &&
             stage.steps.size() == 1 && stage.steps.front().kind == StepKind::kOmit &&
             stage.steps.front().outputs.front() == kept;
    });
    if (same != stages_.end()) return {static_cast<int32_t>(same - stages_.begin()), 0};
    Step omit;
    omit.kind = StepKind::kOmit;
    omit.where = where;
    omit.label = "narrow";
    omit.outputs = {std::move(kept)};
    stages_.push_back({NewName("narrow"), {port}, {std::move(omit)}, from, false});
    return {static_cast<int32_t>(stages_.size()) - 1, 0};
  }

  std::string NewName(const std::string& like) {
    std::string name = like;
    for (int i = 2; !names_.insert(name).second; ++i) name = like + "." + std::to_string(i);
    return name;
  }

  std::vector<const Columns*> inputs_;
  std::string device_;
  std::set<std::string>& names_;
  std::vector<Stage> stages_;   // those that are done
  std::vector<int32_t> moved_;  // where each old stage is among them
};

}  // namespace

LogicalPlan NarrowCopies(LogicalPlan plan) {
  std::set<std::string> names;
  CollectNames(plan.stages, names);
  std::vector<const Columns*> inputs;
  for (const PlanInput& input : plan.inputs) inputs.push_back(&input.columns);
  std::vector<Narrowing::Output> outputs;
  for (PlanResult& result : plan.results) {
    outputs.push_back({&result.output, {}});
    for (const auto& [name, column] : result.columns) outputs.back().wanted.insert(column);
  }
  Narrowing(std::move(inputs), "cpu", names).Run(plan.stages, outputs);
  return plan;
}

}  // namespace raceway::compiler
