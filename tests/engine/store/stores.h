#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "engine/store.h"
#include "engine/store/store_writer.h"
#include "tests/engine/data/columns.h"

/// Stores to test with, and what they answer.
namespace raceway::engine::testing {

/// "[1, 2] null | 30 null": the columns, "-" where there is no row.
inline std::string Found(const Store& store, const Column& keys,
                         const std::vector<size_t>& columns) {
  const CancelToken cancel;
  const Result<Store::Found> found = store.Find(keys, columns, cancel);
  if (!found) return found.error().Text();
  std::string text;
  for (const Column& column : found->columns) {
    text += text.empty() ? "" : " | ";
    for (int64_t row = 0; row < column.num_rows(); ++row) {
      const bool is_there = found->is_there[static_cast<size_t>(row)];
      text += (row == 0 ? "" : " ") + (is_there ? TextOfRow(column, row) : "-");
    }
  }
  return text;
}

/// A test with a folder of its own.
class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "raceway-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }

  /// Loads `rows` into the folder `name`.
  Status Load(const std::string& name, const Batch& rows) {
    Result<std::unique_ptr<StoreWriter>> writer =
        StoreWriter::Begin(folder_ / name, *rows.schema());
    if (!writer) return std::move(writer).error();
    std::vector<int64_t> lines(static_cast<size_t>(rows.num_rows()));
    std::iota(lines.begin(), lines.end(), 1);
    if (Status added = (*writer)->Add(rows, lines); !added) return added;
    return (*writer)->Finish(CancelToken());
  }

  /// What is in the test's folder, by name.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::filesystem::path folder_;
};

}  // namespace raceway::engine::testing
