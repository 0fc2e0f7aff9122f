#include "compiler/models/compare_sidecar.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "compiler/check/dims.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using Columns = std::vector<DeclaredColumn>;

class SidecarComparison {
 public:
  SidecarComparison(const DeclaredModel& model, dsl::Diagnostics& diagnostics)
      : model_(model),
        of_sidecar_(dims_, Instantiation::Kind::kFlexible),
        of_flow_(dims_, Instantiation::Kind::kRigid),
        diagnostics_(diagnostics) {}

  void Run(const Sidecar& sidecar) {
    if (!Compare(model_.params, sidecar.params, "input")) return;
    // A symbol that only the result has says that there is such a size, whichever.
    of_flow_.NewSymbolsAre(Instantiation::Kind::kFlexible);
    Compare(model_.results, sidecar.results, "output");
  }

 private:
  bool Compare(const Columns& declared, const Columns& found, const std::string& what) {
    if (declared.size() != found.size()) {
      Add(dsl::Cover(declared.front().range, declared.back().range),
          "has " + std::to_string(found.size()) + " " + what + (found.size() == 1 ? "" : "s") +
              ", declared " + std::to_string(declared.size()));
      return false;
    }
    bool is_fine = true;
    for (size_t i = 0; i < declared.size(); ++i) {
      is_fine &= CompareOne(declared[i], found, i, what);
    }
    return is_fine;
  }

  bool CompareOne(const DeclaredColumn& declared, const Columns& found, size_t place,
                  const std::string& what) {
    const auto is_same = [&](const DeclaredColumn& other) { return other.name == declared.name; };
    const auto same = std::find_if(found.begin(), found.end(), is_same);
    if (same != found.end() && same != found.begin() + static_cast<std::ptrdiff_t>(place)) {
      Add(declared.range, "has `" + declared.name + "` as " + what + " " +
                              std::to_string(same - found.begin() + 1) + ", declared as " +
                              std::to_string(place + 1));
      return false;
    }
    const DeclaredColumn& other = found[place];
    const Clash clash = UnifyTypes(dims_, of_sidecar_(other.type), of_flow_(declared.type));
    if (clash.text.empty()) return true;
    Add(declared.range, "has `" + other.name + ": " + ToString(other.type) + "` here, declared `" +
                            declared.name + ": " + ToString(declared.type) + "`");
    return false;
  }

  void Add(dsl::SourceRange where, const std::string& what) {
    dsl::Diagnostic& diagnostic = diagnostics_.Add(DiagnosticKind::kModelDiffers, where,
                                                   "`" + SidecarPath(model_.source) + "` " + what);
    diagnostic.notes.push_back({model_.source_range, "of this file"});
  }

  const DeclaredModel& model_;
  Dims dims_;
  Instantiation of_sidecar_;
  Instantiation of_flow_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

void CompareWithSidecar(const DeclaredModel& model, const Sidecar& sidecar,
                        dsl::Diagnostics& diagnostics) {
  SidecarComparison(model, diagnostics).Run(sidecar);
}

}  // namespace raceway::compiler
