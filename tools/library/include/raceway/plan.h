#pragma once

#include <raceway/export.h>
#include <raceway/result.h>
#include <raceway/schema.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace raceway {
inline namespace v0 {

/// A compiled flow: what an engine runs. Made by `raceway compile`, or in the process by
/// <raceway/compile.h>; reading one needs no compiler. A handle to what never changes.
///
/// Threads  any
class RACEWAY_API Plan {
 public:
  /// Reads a `.plan` file. What it names (models, labels) is relative to `base_dir`, by default the
  /// folder of the file.
  ///
  /// Errors   Unavailable if it cannot be read, InvalidArgument if it is no plan, Unsupported if
  ///          another release wrote it
  static Result<Plan> Load(const std::filesystem::path& file);
  static Result<Plan> Load(const std::filesystem::path& file,
                           const std::filesystem::path& base_dir);
  /// The same of the text of such a file. A relative `base_dir` is one of the process's working
  /// folder, as it is when the plan is deployed.
  static Result<Plan> FromJson(std::string_view json, const std::filesystem::path& base_dir);

  Plan(const Plan&) = default;
  Plan& operator=(const Plan&) = default;

  const std::string& flow() const;  // its name
  const std::vector<TableSpec>& inputs() const;
  const std::vector<TableSpec>& results() const;
  std::vector<std::string> files() const;  // that it names, relative to `base_dir`
  const std::filesystem::path& base_dir() const;
  /// What a `.plan` file holds: `base_dir` is no part of it.
  std::string ToJson() const;

  struct RACEWAY_HIDDEN State;  // the library's own

 private:
  friend struct PlanAccess;
  explicit Plan(std::shared_ptr<const State> state);

  std::shared_ptr<const State> state_;
};

}  // namespace v0
}  // namespace raceway
