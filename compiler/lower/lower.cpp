#include "compiler/lower/lower.h"

#include <algorithm>
#include <filesystem>

namespace raceway::compiler {
namespace {

using engine::PhysicalPlan;
using engine::Schema;
using engine::StageSpec;
using engine::StepSpec;
using engine::Value;

class Lowering {
 public:
  Lowering(const LogicalPlan& plan, const dsl::SourceSet& sources, Files& files,
           dsl::Diagnostics& diagnostics)
      : plan_(plan), sources_(sources), files_(files), diagnostics_(diagnostics) {}

  PhysicalPlan Run() {
    PhysicalPlan physical;
    physical.flow = plan_.flow;
    for (const PlanInput& input : plan_.inputs) {
      physical.inputs.push_back({input.name, SchemaOf(input.columns), {}, input.defaults});
      if (input.caller_names != input.columns) {
        physical.inputs.back().caller_names = input.caller_names;
      }
    }
    for (const Stage& stage : plan_.stages) physical.stages.push_back(LowerStage(stage));
    for (const PlanResult& result : plan_.results) {
      physical.results.push_back({result.name, result.output, result.columns});
    }
    if (physical.stages.empty()) {
      // A flow that gives back what it got: the engine wants a stage all the same.
      engine::Port& output = physical.results.front().output;
      const auto input = static_cast<size_t>(output.output);
      physical.stages.push_back(PassOn(output, physical.inputs[input].schema));
      output = {0, 0};
    }
    physical.files = std::move(described_);
    physical.slo = LowerHints(plan_.slo);
    return physical;
  }

 private:
  Schema SchemaOf(const std::vector<std::string>& columns) const {
    std::vector<engine::Field> fields;
    fields.reserve(columns.size());
    for (const std::string& column : columns) {
      fields.push_back({column, plan_.columns.at(column)});
    }
    return Schema(std::move(fields));
  }

  static StageSpec PassOn(engine::Port input, const Schema& schema) {
    StageSpec stage;
    stage.name = "pass";
    stage.inputs = {input};
    stage.steps.emplace_back();
    stage.steps.back().op = "omit";
    stage.steps.back().label = "pass";
    stage.steps.back().outputs = {schema};
    return stage;
  }

  /// Columns that a step defines and hands on to nobody.
  static std::vector<std::string> Unread(const Step& step) {
    std::vector<std::string> unread = step.Defines();
    for (const std::vector<std::string>& output : step.outputs) {
      std::erase_if(unread, [&output](const std::string& column) {
        return std::find(output.begin(), output.end(), column) != output.end();
      });
    }
    return unread;
  }

  StageSpec LowerStage(const Stage& stage) {
    StageSpec spec;
    spec.name = stage.name;
    spec.inputs = stage.inputs;
    spec.device = stage.device;
    spec.own_task = stage.own_task;
    for (const Step& step : stage.steps) spec.steps.push_back(LowerStep(step));
    return spec;
  }

  StepSpec LowerStep(const Step& step) {
    StepSpec spec;
    spec.op = std::string(NameOf(step.kind));
    spec.label = step.label;
    spec.origin = PlaceText(sources_, step.where);
    spec.arguments = step.arguments;
    spec.results = step.results;
    spec.expressions = step.expressions;
    spec.sources = step.sources;
    spec.options = step.options;
    spec.hints = LowerHints(step.hints);
    for (const auto& columns : step.outputs) spec.outputs.push_back(SchemaOf(columns));
    for (const Branch& branch : step.branches) spec.branches.push_back(LowerBranch(branch));
    if (step.kind == StepKind::kMap) {
      LowerFunction(step.function, spec);
      spec.unread = SchemaOf(Unread(step));
    }
    if (step.kind == StepKind::kLookup || step.kind == StepKind::kPrefetch) {
      LowerStore(step.function, spec);
    }
    return spec;
  }

  std::vector<engine::HintSpec> LowerHints(const Hints& hints) const {
    std::vector<engine::HintSpec> specs;
    for (const Hint& hint : hints) {
      specs.push_back({hint.name, hint.value, hint.text, std::string(NameOf(hint.origin)),
                       hint.said.empty() ? PlaceText(sources_, hint.where) : hint.said});
    }
    return specs;
  }

  engine::BranchSpec LowerBranch(const Branch& branch) {
    engine::BranchSpec spec{branch.name, {}, branch.output, branch.accept};
    for (const Stage& stage : branch.stages) spec.stages.push_back(LowerStage(stage));
    return spec;
  }

  void LowerFunction(const FunctionSpec& function, StepSpec& spec) {
    if (function.kind == FunctionSpec::Kind::kModel) {
      spec.op = "model";
      spec.options.emplace_back("source", function.source);
      spec.options.emplace_back("sha256", Describe(function.source, function.source_range));
      const Value settings(function.settings);
      const Value* threads = settings.Find("threads");
      spec.options.emplace_back("threads", threads != nullptr ? *threads : Value(int64_t{0}));
      for (const auto& setting : function.settings) {
        if (setting.first != "threads") spec.options.push_back(setting);
      }
      if (const Value* weights = settings.Find("weights")) {
        const std::string hash = Describe(*weights->AsString(), function.files.front().second);
        spec.options.emplace_back("weights_sha256", hash);
      }
      return;
    }
    spec.op = function.source.empty() ? "native" : "plugin";
    spec.options.emplace_back("function", function.native);
    if (!function.source.empty()) {
      spec.options.emplace_back("library", function.source);
      spec.options.emplace_back("sha256", Describe(function.source, function.source_range));
    }
    spec.options.emplace_back("settings", function.settings);
    for (const auto& [setting, where] : function.files) {
      for (const auto& [name, value] : function.settings) {
        if (name == setting && value.AsString() != nullptr) Describe(*value.AsString(), where);
      }
    }
  }

  void LowerStore(const FunctionSpec& store, StepSpec& spec) {
    spec.options.emplace_back("store", store.name);
    spec.options.emplace_back("kind", store.native);
    spec.options.emplace_back("source", store.source);
    for (const auto& setting : store.settings) spec.options.push_back(setting);
    // The rows of a database change, and a flow goes on with new ones.
    if (store.native == "rocksdb") return;
    spec.options.emplace_back("sha256", Describe(store.source, store.source_range));
  }

  /// The content hash of a file, each file described once; empty if it cannot be read.
  std::string Describe(const std::string& path, dsl::SourceRange where) {
    for (const engine::FileSpec& file : described_) {
      if (file.path == path) return file.sha256;
    }
    engine::Result<engine::FileSpec> file = files_.Describe(path);
    if (!file.ok()) {
      ReportMissing(file.error(), where, diagnostics_);
      return "";
    }
    described_.push_back(*file);
    return file->sha256;
  }

  const LogicalPlan& plan_;
  const dsl::SourceSet& sources_;
  Files& files_;
  dsl::Diagnostics& diagnostics_;
  std::vector<engine::FileSpec> described_;
};

}  // namespace

void ReportMissing(const engine::Error& error, dsl::SourceRange where,
                   dsl::Diagnostics& diagnostics) {
  diagnostics.Add(dsl::DiagnosticKind::kMissingFile, where, error.message).help =
      "paths are relative to the folder of the flow file";
}

std::string PlaceText(const dsl::SourceSet& sources, dsl::SourceRange where) {
  const dsl::Source& source = sources.Of(where);
  const dsl::Position position = source.PositionOf(where.begin);
  const std::filesystem::path folder = std::filesystem::path(sources.main().name()).parent_path();
  return std::filesystem::path(source.name()).lexically_relative(folder).string() + ":" +
         std::to_string(position.line) + ":" + std::to_string(position.column);
}

PhysicalPlan Lower(const LogicalPlan& plan, const dsl::SourceSet& sources, Files& files,
                   dsl::Diagnostics& diagnostics) {
  return Lowering(plan, sources, files, diagnostics).Run();
}

}  // namespace raceway::compiler
