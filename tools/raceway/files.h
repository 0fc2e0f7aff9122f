#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/lower/lower.h"
#include "engine/catalog.h"
#include "engine/input_file.h"
#include "engine/result.h"
#include "tools/raceway/plugins/probe.h"
#include "tools/raceway/write_file.h"

namespace raceway::tools {

using engine::ReadFile;

/// Reads what flows import, and looks into the libraries of their functions, relative to a folder.
class FlowFiles : public compiler::Files {
 public:
  explicit FlowFiles(std::filesystem::path base_dir, Probing probing = Probing::kAllowed)
      : base_dir_(std::move(base_dir)), probing_(probing) {}
  engine::Result<compiler::FileText> Read(const std::string& path) override;
  engine::Result<std::vector<engine::FunctionContract>> Functions(const std::string& path) override;

 protected:
  /// Size and hash, whatever the class does about other files.
  engine::Result<engine::FileSpec> Hashed(const std::string& path) const;
  bool IsLibrary(const std::string& path) const { return libraries_.contains(path); }

 private:
  std::filesystem::path base_dir_;
  Probing probing_;
  std::set<std::string> libraries_;  // that were looked into
};

/// Reads and hashes what flows name, relative to a folder; each file once, as models may be large.
class HashedFiles final : public FlowFiles {
 public:
  using FlowFiles::FlowFiles;
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    const auto known = known_.find(path);
    return known != known_.end() ? known->second : known_.emplace(path, Hashed(path)).first->second;
  }

 private:
  std::map<std::string, engine::Result<engine::FileSpec>> known_;
};

/// Takes the files that a flow names as given, but for libraries: those are read in any case. For
/// looking at plans, and for tests.
class UnreadFiles final : public FlowFiles {
 public:
  using FlowFiles::FlowFiles;
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    return IsLibrary(path) ? Hashed(path) : engine::FileSpec{path, "", 0};
  }
};

/// Reads and hashes the files that are there, takes the others as given.
class FilesIfThere final : public FlowFiles {
 public:
  using FlowFiles::FlowFiles;
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    engine::Result<engine::FileSpec> file = Hashed(path);
    return file.ok() ? std::move(file) : engine::FileSpec{path, "", 0};
  }
};

/// A flow or plan, and what it names.
std::vector<std::filesystem::path> FilesOf(const engine::PhysicalPlan& plan,
                                           const std::filesystem::path& file,
                                           const std::filesystem::path& base_dir);

/// `CheckOutput`, and an exit code: what is wrong has been said.
int MayWrite(const std::filesystem::path& output, const std::vector<std::filesystem::path>& inputs);

}  // namespace raceway::tools
