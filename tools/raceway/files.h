#pragma once

#include <filesystem>
#include <string>

#include "compiler/lower/lower.h"
#include "engine/result.h"

namespace raceway::tools {

/// The whole file.
///
/// Errors   Unavailable with the reason: missing, a folder, not readable, larger than `max_bytes`
engine::Result<std::string> ReadFile(const std::filesystem::path& path,
                                     int64_t max_bytes = int64_t{1} << 30);

/// Writes `text` so that the file is there whole or not at all.
engine::Status WriteFile(const std::filesystem::path& path, const std::string& text);

/// Reads and hashes what flows name, relative to a folder.
class HashedFiles final : public compiler::Files {
 public:
  explicit HashedFiles(std::filesystem::path base_dir) : base_dir_(std::move(base_dir)) {}
  engine::Result<engine::FileSpec> Describe(const std::string& path) override;

 private:
  std::filesystem::path base_dir_;
};

/// Takes every file as given: for looking at plans.
class UnreadFiles final : public compiler::Files {
 public:
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    return engine::FileSpec{path, "", 0};
  }
};

/// Reads and hashes the files that are there, takes the others as given.
class FilesIfThere final : public compiler::Files {
 public:
  explicit FilesIfThere(std::filesystem::path base_dir) : hashed_(std::move(base_dir)) {}
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    engine::Result<engine::FileSpec> file = hashed_.Describe(path);
    return file.ok() ? std::move(file) : engine::FileSpec{path, "", 0};
  }

 private:
  HashedFiles hashed_;
};

}  // namespace raceway::tools
