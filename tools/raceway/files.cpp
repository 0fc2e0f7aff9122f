#include "tools/raceway/files.h"

#include "dsl/source.h"
#include "tools/raceway/fail.h"
#include "tools/raceway/file_hash.h"

namespace raceway::tools {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

Error Unavailable(const std::filesystem::path& path, const std::string& reason) {
  return {ErrorCode::kUnavailable, "cannot read `" + path.string() + "`: " + reason};
}

}  // namespace

Result<compiler::FileText> FlowFiles::Read(const std::string& path) {
  const std::filesystem::path full = base_dir_ / path;
  std::error_code ignored;
  if (std::filesystem::exists(full, ignored) && !std::filesystem::is_regular_file(full, ignored) &&
      !std::filesystem::is_directory(full, ignored)) {
    return Unavailable(full, "it is no file");  // a pipe would be waited for
  }
  Result<std::string> text = ReadFile(full, dsl::Source::kMaxBytes);
  if (!text.ok()) return text.error();
  std::string hash = HashText(*text);
  const std::filesystem::path identity = std::filesystem::canonical(full, ignored);
  const auto num_bytes = static_cast<int64_t>(text->size());
  return compiler::FileText{*std::move(text),
                            {path, std::move(hash), num_bytes},
                            ignored ? full.string() : identity.string()};
}

Result<std::vector<engine::FunctionContract>> FlowFiles::Functions(const std::string& path) {
  libraries_.insert(path);
  return FunctionsIn(base_dir_ / path, path, probing_);
}

Result<engine::FileSpec> FlowFiles::Hashed(const std::string& path) const {
  return HashFile(base_dir_, path);
}

std::vector<std::filesystem::path> FilesOf(const engine::PhysicalPlan& plan,
                                           const std::filesystem::path& file,
                                           const std::filesystem::path& base_dir) {
  std::vector<std::filesystem::path> files = {file};
  for (const engine::FileSpec& named : plan.files) files.push_back(base_dir / named.path);
  return files;
}

int MayWrite(const std::filesystem::path& output,
             const std::vector<std::filesystem::path>& inputs) {
  const engine::Status checked = CheckOutput(output, inputs);
  if (checked.ok()) return kFine;
  const bool is_read = checked.error().code == engine::ErrorCode::kInvalidArgument;
  return Fail(is_read ? kUsage : kMachineLacks, checked.error().message);
}

}  // namespace raceway::tools
