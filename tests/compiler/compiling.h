#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "dsl/parse.h"
#include "operators/contracts.h"

/// What tests of the compiler have in common.
namespace raceway::compiler::testing {

/// Every contract of the release.
inline const engine::Catalog& AllContracts() {
  static const engine::Catalog kCatalog = [] {
    engine::Catalog all;
    operators::RegisterContracts(all);
    return all;
  }();
  return kCatalog;
}

/// Files of 3 bytes, each with a hash made of its name; those in `missing/` are not there.
class FakeFiles final : public Files {
 public:
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    if (path.starts_with("missing/")) {
      return engine::Error{engine::ErrorCode::kUnavailable,
                           "cannot read `" + path + "`: No such file or directory"};
    }
    return engine::FileSpec{path, "hash of " + path, 3};
  }
};

/// A flow's text and all that became of it.
struct Compiled {
  dsl::Source source;
  CompileResult result;

  /// What the compiler has to say, all of it.
  std::string Text() const {
    return Render(result.diagnostics, source, {.color = false, .max_errors = 1000});
  }
  /// The same in short: "3:5 E0203 no column `a` here", one a line.
  std::string Lines() const {
    std::string text;
    for (const dsl::Diagnostic& diagnostic : result.diagnostics.Sorted()) {
      const dsl::Position at = source.PositionOf(diagnostic.where.begin);
      text += std::to_string(at.line) + ":" + std::to_string(at.column) + " " +
              std::string(dsl::InfoOf(diagnostic.kind).code) + " " + diagnostic.message + "\n";
    }
    return text;
  }
};

/// Compiles `text`; no flow in `options`: only checks.
inline Compiled Compile(const std::string& text, const CompileOptions& options = {},
                        const std::string& name = "test.flow") {
  Compiled compiled{dsl::Source(name, text), {}};
  FakeFiles files;
  compiled.result = compiler::Compile(dsl::Parse(compiled.source), compiled.source, AllContracts(),
                                      files, options);
  return compiled;
}

/// The plan of a flow that has nothing wrong.
inline LogicalPlan PlanOf(const std::string& text, const std::string& flow) {
  const Compiled compiled = Compile(text, {.flow = flow, .params = {}, .without = {}});
  if (!compiled.result.logical) throw std::runtime_error(compiled.Text());
  return *compiled.result.logical;
}

}  // namespace raceway::compiler::testing
