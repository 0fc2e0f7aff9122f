#pragma once

#include <filesystem>
#include <string>

#include "compiler/lower/lower.h"
#include "engine/input_file.h"
#include "engine/result.h"

namespace raceway::tools {

using engine::ReadFile;

/// Writes `text` so that the file is there whole or not at all. One that is there keeps its mode.
engine::Status WriteFile(const std::filesystem::path& path, const std::string& text);

/// Reads what flows import, relative to a folder.
class FlowFiles : public compiler::Files {
 public:
  explicit FlowFiles(std::filesystem::path base_dir) : base_dir_(std::move(base_dir)) {}
  engine::Result<compiler::FileText> Read(const std::string& path) override;

 protected:
  const std::filesystem::path& base_dir() const { return base_dir_; }

 private:
  std::filesystem::path base_dir_;
};

/// Reads and hashes what flows name, relative to a folder.
class HashedFiles final : public FlowFiles {
 public:
  using FlowFiles::FlowFiles;
  engine::Result<engine::FileSpec> Describe(const std::string& path) override;
};

/// Takes the files that a flow names as given: for looking at plans.
class UnreadFiles final : public FlowFiles {
 public:
  using FlowFiles::FlowFiles;
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    return engine::FileSpec{path, "", 0};
  }
};

/// Reads and hashes the files that are there, takes the others as given.
class FilesIfThere final : public FlowFiles {
 public:
  explicit FilesIfThere(const std::filesystem::path& base_dir)
      : FlowFiles(base_dir), hashed_(base_dir) {}
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    engine::Result<engine::FileSpec> file = hashed_.Describe(path);
    return file.ok() ? std::move(file) : engine::FileSpec{path, "", 0};
  }

 private:
  HashedFiles hashed_;
};

}  // namespace raceway::tools
