#pragma once

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <raceway/compile.h>
#include <raceway/raceway.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// Flows and a folder with small models, for tests that see the library as a program does.
namespace raceway::tests {

/// The models of tests/tools/make_models.cpp, written once for the process; gone at its end.
inline const std::filesystem::path& Models() {
  struct Folder {
    Folder() : path(std::filesystem::temp_directory_path() / "raceway-library-XXXXXX") {
      std::string name = path.string();
      path = ::mkdtemp(name.data());
      const std::string command = std::string("'") + RACEWAY_TEST_MODELS + "' '" + name + "'";
      if (std::system(command.c_str()) != 0) std::abort();
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
  };
  static const Folder folder;
  return folder.path;
}

inline constexpr char kTwice[] = R"(edition 1
model double(x: f32[2]) -> (y: f32[2]) { source: "double.pt" }
flow twice(rows: { id: i64, name: string, x: f32[2] }) -> { id: i64, name: string, y: f32[2] } {
  return rows |> map(double)
}
)";

/// Each call of its model takes about a third of a second.
inline constexpr char kSlow[] = R"(edition 1
model slow(x: f32[2]) -> (y: f32[2]) { source: "slow.pt" }
flow slowly(rows: { x: f32[2] }) -> { y: f32[2] } { return rows |> map(slow) }
)";

/// Fails for numbers below 0.
inline constexpr char kRaises[] = R"(edition 1
model raises(x: f32[2]) -> (y: f32[2]) { source: "raises.pt" }
flow raising(rows: { x: f32[2] }) -> { y: f32[2] } { return rows |> map(raises) }
)";

inline Plan PlanOf(const char* text, CompileOptions options = {}) {
  Result<Compilation> compiled = CompileText(text, "test.flow", Models(), options);
  if (!compiled) Abort(compiled.error());
  if (!compiled->plan) Abort({ErrorCode::kInvalidArgument, compiled->text});
  return *compiled->plan;
}

inline Table TwiceRows() {
  Table rows;
  rows.Set("x", at::tensor({1.F, 2.5F, -3.F, -4.F}).view({2, 2}))
      .Set("id", at::tensor({int64_t{1}, int64_t{2}}))
      .Set("name", std::vector<std::string>{"one", "two"});
  return rows;
}

inline Table XRows(float x) { return Table().Set("x", at::tensor({x, x}).view({1, 2})); }

template <typename T>
std::string ErrorOf(const Result<T>& result) {
  return result.ok() ? "ok"
                     : std::string(NameOf(result.error().code)) + ": " + result.error().Text();
}

}  // namespace raceway::tests
