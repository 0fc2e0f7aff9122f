#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
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

/// Files of 3 bytes, each with a hash made of its name; those in `missing/` are not there. Flows
/// to import are those of `texts`, and of `tests/flows/imports/`.
class FakeFiles final : public Files {
 public:
  FakeFiles() = default;
  explicit FakeFiles(std::map<std::string, std::string> texts) : texts_(std::move(texts)) {}

  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    if (path.starts_with("missing/")) {
      return engine::Error{engine::ErrorCode::kUnavailable,
                           "cannot read `" + path + "`: No such file or directory"};
    }
    return engine::FileSpec{path, "hash of " + path, 3};
  }

  engine::Result<FileText> Read(const std::string& path) override {
    ++num_reads_[path];
    if (const auto found = texts_.find(path); found != texts_.end()) {
      // A text `-> a.flow` is a link.
      if (found->second.starts_with("-> ")) {
        engine::Result<FileText> read = Read(found->second.substr(3));
        if (read.ok()) read->file.path = path;
        return read;
      }
      return Text(path, found->second);
    }
    std::error_code ignored;
    const std::filesystem::path on_disk = "tests/flows/imports/" + path;
    std::ifstream file(on_disk);
    if (std::filesystem::is_regular_file(on_disk, ignored))
      return Text(path, std::string(std::istreambuf_iterator<char>(file), {}));
    return engine::Error{engine::ErrorCode::kUnavailable,
                         "cannot read `" + path + "`: No such file or directory"};
  }

  const std::map<std::string, int>& num_reads() const { return num_reads_; }

 private:
  static FileText Text(const std::string& path, const std::string& text) {
    return {text, {path, "hash of " + text, static_cast<int64_t>(text.size())}, path};
  }

  std::map<std::string, std::string> texts_;
  std::map<std::string, int> num_reads_;
};

/// A flow's text and all that became of it.
struct Compiled {
  dsl::Source source;
  CompileResult result;

  /// What the compiler has to say, all of it.
  std::string Text() const {
    return Render(result.diagnostics, result.sources, {.color = false, .max_errors = 1000});
  }
  /// The same in short: "3:5 E0203 no column `a` here", one a line; in front of it the file, if it
  /// is not the main one.
  std::string Lines() const {
    std::string text;
    for (const dsl::Diagnostic& diagnostic : result.diagnostics.Sorted()) {
      const dsl::Source& in = result.sources.Of(diagnostic.where);
      const dsl::Position at = in.PositionOf(diagnostic.where.begin);
      if (in.name() != source.name()) text += in.name() + ":";
      text += std::to_string(at.line) + ":" + std::to_string(at.column) + " " +
              std::string(dsl::InfoOf(diagnostic.kind).code) + " " + diagnostic.message + "\n";
    }
    return text;
  }
};

/// Compiles `text`; no flow in `options`: only checks.
inline Compiled Compile(const std::string& text, const CompileOptions& options = {},
                        const std::string& name = "test.flow", FakeFiles files = {}) {
  Compiled compiled{dsl::Source(name, text), {}};
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
