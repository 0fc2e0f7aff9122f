#include "compiler/check/runnable.h"

#include <algorithm>
#include <string>

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;

class Runnable {
 public:
  Runnable(const LogicalPlan& plan, dsl::Diagnostics& diagnostics)
      : plan_(plan), diagnostics_(diagnostics) {}

  bool Are(const std::vector<Stage>& stages) {
    bool is_fine = true;
    for (const Stage& stage : stages) {
      for (const Step& step : stage.steps) {
        for (const Branch& branch : step.branches) is_fine &= Are(branch.stages);
        is_fine &= Is(step);
      }
    }
    return is_fine;
  }

 private:
  bool Is(const Step& step) {
    const FunctionSpec& function = step.function;
    if (step.kind != StepKind::kMap || function.kind != FunctionSpec::Kind::kModel) return true;
    const bool has_bytes = HasBytes(step.arguments) || HasBytes(step.results);
    return !has_bytes || Report(step, "`" + function.source + "` is a model, which has no bytes",
                                function.source_range);
  }

  bool HasBytes(const std::vector<std::pair<std::string, std::string>>& columns) const {
    return std::any_of(columns.begin(), columns.end(), [&](const auto& column) {
      return plan_.columns.at(column.second).dtype == engine::DataType::kBytes;
    });
  }

  bool Report(const Step& step, std::string message, dsl::SourceRange declared) {
    dsl::Diagnostic& diagnostic =
        diagnostics_.Add(DiagnosticKind::kNotImplemented, step.where, std::move(message));
    diagnostic.notes.push_back({declared, "it is one"});
    diagnostic.help = "in tests, `stub " + step.function.name + " => …`";
    return false;
  }

  const LogicalPlan& plan_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

bool IsRunnable(const LogicalPlan& plan, dsl::Diagnostics& diagnostics) {
  return Runnable(plan, diagnostics).Are(plan.stages);
}

}  // namespace raceway::compiler
