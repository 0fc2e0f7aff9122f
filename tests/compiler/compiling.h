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

  /// `colour.so` has two functions; `torn.so` is no library, `crash.so` ends the process that loads
  /// it, `slow.so` is never done, `old.so` was built for another LibTorch.
  engine::Result<std::vector<engine::FunctionContract>> Functions(
      const std::string& path) override {
    using engine::Error;
    using engine::ErrorCode;
    if (path.starts_with("missing/")) {
      return Error{ErrorCode::kUnavailable,
                   "cannot read `" + path + "`: No such file or directory"};
    }
    if (path == "torn.so") {
      return Error{ErrorCode::kInvalidArgument, "`torn.so` is no shared library"};
    }
    if (path == "crash.so") {
      return Error{ErrorCode::kFailed,
                   "`crash.so` ends its process when it is loaded: Segmentation fault"};
    }
    if (path == "slow.so") {
      return Error{ErrorCode::kFailed, "`slow.so` is not done with loading after 20 seconds"};
    }
    if (path == "old.so") {
      return Error{ErrorCode::kUnsupported,
                   "`old.so` was built for LibTorch 1.13.1, this Raceway has 2.11.0"};
    }
    const engine::Type image = *engine::TypeFromString("u8[H, W, 3]");
    engine::SettingContract radius;
    radius.name = "radius";
    radius.kind = engine::SettingContract::Kind::kInt;
    radius.required = true;
    radius.doc = "In pixels.";
    radius.least = 1;
    radius.greatest = 50;
    return std::vector<engine::FunctionContract>{
        {"blur", {{"px", image}}, {{"px", image}}, {radius}, "Softens."},
        {"invert", {{"px", image}}, {{"px", image}}, {}, "The negative."}};
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
