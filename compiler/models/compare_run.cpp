#include "compiler/models/compare_run.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "compiler/check/dims.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using engine::Dim;
using engine::DryRun;
using engine::DryRunAnswer;
using engine::DryRunOutput;

/// One result of the model in each trial.
using Outputs = std::vector<const DryRunOutput*>;

std::string Count(size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

class RunComparison {
 public:
  RunComparison(const DeclaredModel& model, const std::vector<TrialSizes>& sizes,
                dsl::Diagnostics& diagnostics)
      : model_(model), sizes_(sizes), own_symbols_(sizes.size()), diagnostics_(diagnostics) {}

  void Run(const DryRun& run) {
    if (sizes_.empty()) {
      Add(DiagnosticKind::kModelFails, Cover(model_.params), "no small sizes suit these dimensions")
          .help = "say what the model takes and gives in a file beside it";
    } else if (!run.misfit.empty()) {
      Add(DiagnosticKind::kModelDiffers, Cover(model_.params),
          "`" + model_.source + "`: " + run.misfit);
    } else if (run.answers.empty()) {
      ReportInputs(run);
    } else if (!ReportFailure(run)) {
      for (size_t i = 0; i < model_.results.size(); ++i) {
        const std::optional<Outputs> outputs = Find(run, i);
        if (!outputs && !run.answers.front().is_dictionary) return;  // the number of them is wrong
        if (outputs) CompareOne(model_.results[i], *outputs);
      }
    }
  }

 private:
  dsl::Diagnostic& Add(DiagnosticKind kind, SourceRange where, std::string message) {
    dsl::Diagnostic& diagnostic = diagnostics_.Add(kind, where, std::move(message));
    if (where != model_.source_range)
      diagnostic.notes.push_back({model_.source_range, "this file"});
    return diagnostic;
  }

  /// All of a list of columns; the file's name where the list is not in the flow.
  SourceRange Cover(const std::vector<DeclaredColumn>& columns) const {
    if (columns.empty()) return model_.source_range;
    return dsl::Cover(columns.front().range, columns.back().range);
  }

  void ReportInputs(const DryRun& run) {
    std::string takes = Count(run.max_inputs, "input");
    if (run.min_inputs != run.max_inputs) takes = std::to_string(run.min_inputs) + " to " + takes;
    Add(DiagnosticKind::kModelDiffers, Cover(model_.params),
        "`" + model_.source + "` takes " + takes + ", declared " +
            std::to_string(model_.params.size()));
  }

  /// "2 rows of `x: f32[12]`"
  std::string InputText(size_t trial) const {
    std::string text = Count(static_cast<size_t>(sizes_[trial].num_rows), "row") + " of `";
    const engine::DryRunTrial run = TrialOf(model_.params, sizes_[trial]);
    for (size_t i = 0; i < run.inputs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + model_.params[i].name + ": " + ToString(run.inputs[i]);
    }
    return text + "`";
  }

  static std::string HelpOn(const std::string& error, size_t trial) {
    if (error.find("checksum") != std::string::npos) {
      return "the file is damaged: write or copy it again";
    }
    return trial == 0 ? "is this what it takes? The rows are the first dimension"
                      : "it takes 2 rows: is the number of rows fixed in the file?";
  }

  bool ReportFailure(const DryRun& run) {
    for (size_t i = 0; i < run.answers.size(); ++i) {
      if (run.answers[i].error.empty()) continue;
      Add(DiagnosticKind::kModelFails, Cover(model_.params),
          "`" + model_.source + "` fails on " + InputText(i) +
              ", all zeros: " + run.answers[i].error)
          .help = HelpOn(run.answers[i].error, i);
      return true;
    }
    return false;
  }

  /// The i-th result in each trial; null, and said, if there is none.
  std::optional<Outputs> Find(const DryRun& run, size_t i) {
    Outputs outputs;
    for (const DryRunAnswer& answer : run.answers) {
      const DryRunOutput* output =
          answer.is_dictionary ? FindNamed(answer, model_.results[i]) : FindPlaced(answer, i);
      if (output == nullptr) return std::nullopt;
      outputs.push_back(output);
    }
    return outputs;
  }

  const DryRunOutput* FindNamed(const DryRunAnswer& answer, const DeclaredColumn& result) {
    std::vector<std::string> names;
    for (const DryRunOutput& output : answer.outputs) {
      if (output.name == result.name) return &output;
      names.push_back(output.name);
    }
    Add(DiagnosticKind::kModelDiffers, result.range,
        "`" + model_.source + "` gives no `" + result.name + "`")
        .help = Suggest(result.name, names);
    return nullptr;
  }

  const DryRunOutput* FindPlaced(const DryRunAnswer& answer, size_t i) {
    if (answer.outputs.size() == model_.results.size()) return &answer.outputs[i];
    Add(DiagnosticKind::kModelDiffers, Cover(model_.results),
        "`" + model_.source + "` gives " + Count(answer.outputs.size(), "output") + ", declared " +
            std::to_string(model_.results.size()));
    return nullptr;
  }

  void CompareOne(const DeclaredColumn& result, const Outputs& outputs) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const DryRunOutput& output = *outputs[i];
      if (!output.other.empty()) {
        Add(DiagnosticKind::kModelDiffers, result.range,
            "`" + model_.source + "` gives `" + result.name + "` as " + output.other +
                ", a column is made of a tensor, or of a list with an element for each row");
        return;
      }
      if (output.sizes.empty() || output.sizes.front() != sizes_[i].num_rows) {
        Add(DiagnosticKind::kModelDiffers, result.range,
            "`" + model_.source + "` gives " + RowsText(output) + " of `" + result.name + "` for " +
                Count(static_cast<size_t>(sizes_[i].num_rows), "row"))
            .help = "the first dimension of each tensor is the rows of the batch";
        return;
      }
    }
    if (!Fits(result, outputs)) ReportType(result, outputs);
  }

  static std::string RowsText(const DryRunOutput& output) {
    if (output.sizes.empty()) return "one value";
    return Count(static_cast<size_t>(output.sizes.front()), "row");
  }

  bool Fits(const DeclaredColumn& result, const Outputs& outputs) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i]->dtype != result.type.dtype) return false;
      if (!FitsShape(result.type.shape, *outputs[i], i)) return false;
    }
    return true;
  }

  bool FitsShape(const std::vector<Dim>& shape, const DryRunOutput& output, size_t trial) {
    std::vector<Dim> wanted;
    for (const Dim& dim : shape) {
      if (!IsAnyRank(dim)) {
        wanted.push_back(dim);
        continue;
      }
      for (const int64_t size : sizes_[trial].any_rank) wanted.push_back(Dim::Size(size));
    }
    if (wanted.size() + 1 != output.sizes.size()) return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!FitsDim(wanted[i], output.sizes[i + 1], trial)) return false;
    }
    return true;
  }

  bool FitsDim(const Dim& wanted, int64_t found, size_t trial) {
    if (const auto size = sizes_[trial].SizeOf(wanted)) return *size == found;
    if (wanted.symbol == "_") return true;
    // A symbol or formula that no parameter decides is some size, everywhere the same.
    return own_symbols_[trial].try_emplace(wanted.symbol, found).first->second == found;
  }

  void ReportType(const DeclaredColumn& result, const Outputs& outputs) {
    const std::string found = TypeText(outputs);
    const std::string column = result.name + ": " + found;
    dsl::Diagnostic& diagnostic = Add(DiagnosticKind::kModelDiffers, result.range,
                                      "`" + model_.source + "` gives `" + column + "`, declared `" +
                                          result.name + ": " + ToString(result.type) + "`");
    if (!model_.is_from_sidecar && found.find('?') == std::string::npos) {
      diagnostic.help = "declare `" + column + "`, or take another file";
    }
  }

  std::string TypeText(const Outputs& outputs) const {
    const DryRunOutput& first = *outputs.front();
    const bool is_known = first.dtype != engine::DataType::kUnknown;
    std::string text(is_known ? NameOf(first.dtype) : "?");
    const bool has_rank = std::all_of(outputs.begin(), outputs.end(), [&](const DryRunOutput* one) {
      return one->sizes.size() == first.sizes.size();
    });
    if (!has_rank) return text + "[?]";
    std::string dims;
    for (size_t i = 1; i < first.sizes.size(); ++i) {
      std::vector<int64_t> found;
      found.reserve(outputs.size());
      for (const DryRunOutput* output : outputs) found.push_back(output->sizes[i]);
      dims += (i == 1 ? "" : ", ") + DimText(sizes_, found);
    }
    return dims.empty() ? text : text + "[" + dims + "]";
  }

  const DeclaredModel& model_;
  const std::vector<TrialSizes>& sizes_;
  std::vector<std::map<std::string, int64_t>> own_symbols_;  // of the results, in each trial
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

void CompareWithRun(const DeclaredModel& model, const std::vector<TrialSizes>& sizes,
                    const DryRun& run, dsl::Diagnostics& diagnostics) {
  RunComparison(model, sizes, diagnostics).Run(run);
}

}  // namespace raceway::compiler
