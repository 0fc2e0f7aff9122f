#include "compiler/models/check_models.h"

#include "compiler/models/compare_run.h"
#include "compiler/models/compare_sidecar.h"
#include "compiler/models/sidecar.h"
#include "compiler/models/trials.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::ErrorCode;
using engine::Result;

class ModelChecker {
 public:
  ModelChecker(const DeclaredModel& model, Files& files, ModelReader& reader,
               dsl::Diagnostics& diagnostics)
      : model_(model), files_(files), reader_(reader), diagnostics_(diagnostics) {}

  void Run() {
    const Result<engine::FileSpec> file = files_.Describe(model_.source);
    if (!file.ok()) return Report(file.error());
    const Result<FileText> text = files_.Read(SidecarPath(model_.source));
    if (text.ok()) return CheckSidecar(text->text, file->sha256);
    if (HasNoBytes() && HasWeights()) RunOnZeros();
  }

 private:
  void CheckSidecar(const std::string& text, const std::string& sha256) {
    const Result<Sidecar> sidecar = ParseSidecar(text, model_.source_range);
    // If the signature is the sidecar's, what is wrong with it was said already.
    if (!sidecar.ok() && model_.is_from_sidecar) return;
    const std::string path = SidecarPath(model_.source);
    if (!sidecar.ok()) {
      diagnostics_.Add(DiagnosticKind::kBadSidecar, model_.source_range,
                       "`" + path + "`: " + sidecar.error().message);
    } else if (!sidecar->sha256.empty() && sidecar->sha256 != sha256) {
      diagnostics_
          .Add(DiagnosticKind::kBadSidecar, model_.source_range,
               "`" + path + "` was written for another `" + model_.source + "`")
          .help = "write it anew, or take `sha256` out; the file's is " + sha256;
    } else if (!model_.is_from_sidecar) {
      CompareWithSidecar(model_, *sidecar, diagnostics_);
    }
  }

  /// Those of a file of their own: that one is missing was said where it is named.
  bool HasWeights() {
    const engine::Value settings(model_.settings);
    const engine::Value* weights = settings.Find("weights");
    return weights == nullptr || weights->AsString() == nullptr ||
           files_.Describe(*weights->AsString()).ok();
  }

  /// Models know strings, but no bytes.
  bool HasNoBytes() {
    bool is_fine = true;
    for (const auto* columns : {&model_.params, &model_.results}) {
      for (const DeclaredColumn& column : *columns) {
        if (column.type.dtype != engine::DataType::kBytes) continue;
        diagnostics_
            .Add(DiagnosticKind::kModelDiffers, column.range,
                 "a model has no bytes, `" + model_.source + "` is declared with `" + column.name +
                     ": " + ToString(column.type) + "`")
            .notes.push_back({model_.source_range, "this file"});
        is_fine = false;
      }
    }
    return is_fine;
  }

  /// Some models take no small inputs: where one fails, it gets larger ones.
  void RunOnZeros() {
    engine::DryRunModel model{model_.source, model_.settings, {}, {}};
    for (const DeclaredColumn& param : model_.params) {
      model.inputs.push_back({param.name, param.type});
    }
    for (const DeclaredColumn& result : model_.results) {
      model.results.push_back({result.name, result.type});
    }
    constexpr int64_t kScales[] = {1, 4, 16};
    for (const int64_t scale : kScales) {
      const std::vector<TrialSizes> sizes = ChooseSizes(model_.params, scale);
      const bool is_last = scale == kScales[2] || !HasSymbols(model_.params);
      if (sizes.empty() && !is_last) continue;
      std::vector<engine::DryRunTrial> trials;
      trials.reserve(sizes.size());
      for (const TrialSizes& one : sizes) trials.push_back(TrialOf(model_.params, one));
      const Result<engine::DryRun> run = reader_.RunOnZeros(model, trials);
      if (!run.ok()) return Report(run.error());
      if (HasFailed(*run) && !is_last) continue;
      return CompareWithRun(model_, sizes, *run, diagnostics_);
    }
  }

  static bool HasFailed(const engine::DryRun& run) {
    for (const engine::DryRunAnswer& answer : run.answers) {
      if (!answer.error.empty()) return true;
    }
    return false;
  }

  void Report(const engine::Error& error) {
    if (error.code == ErrorCode::kUnavailable) {
      return ReportMissing(error, model_.source_range, diagnostics_);
    }
    const DiagnosticKind kind = error.code == ErrorCode::kInvalidArgument
                                    ? DiagnosticKind::kBadModel
                                    : DiagnosticKind::kModelFails;
    dsl::Diagnostic& diagnostic = diagnostics_.Add(kind, model_.source_range, error.message);
    if (kind == DiagnosticKind::kBadModel) {
      diagnostic.help =
          "a model is a file that `torch.jit.save` or `torch._inductor.aoti_compile_and_package` "
          "wrote; one that is cut short or damaged has to be written or copied again";
    } else if (error.code == ErrorCode::kDeadlineExceeded) {
      diagnostic.help =
          "give it more time with `--model-seconds`, or say what it takes and gives in `" +
          SidecarPath(model_.source) + "`";
    }
  }

  const DeclaredModel& model_;
  Files& files_;
  ModelReader& reader_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

std::vector<DeclaredModel> ModelsOf(const Declarations& declarations) {
  std::vector<DeclaredModel> models;
  for (const std::string& name : declarations.own) {
    const auto found = declarations.functions.find(name);
    if (found == declarations.functions.end()) continue;
    const RowFunction& function = found->second;
    if (function.spec.kind != FunctionSpec::Kind::kModel) continue;
    models.push_back({name, function.spec.source, function.spec.source_range, function.params,
                      function.results, function.is_from_sidecar, function.spec.settings});
  }
  return models;
}

void CheckModels(const std::vector<DeclaredModel>& models, Files& files, ModelReader& reader,
                 dsl::Diagnostics& diagnostics) {
  for (const DeclaredModel& model : models) {
    ModelChecker(model, files, reader, diagnostics).Run();
  }
}

}  // namespace raceway::compiler
