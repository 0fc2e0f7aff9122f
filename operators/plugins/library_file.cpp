#include "operators/plugins/library_file.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "engine/input_file.h"
#include "operators/plugin.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

constexpr std::string_view kMark = "raceway-plugin: API ";
constexpr std::string_view kOurs = RACEWAY_PLUGIN_BUILT_FOR;
constexpr size_t kLongestMark = 200;

/// What a library was built for: "raceway-plugin: API 1, LibTorch 2.11.0, libstdc++".
struct BuiltFor {
  std::string_view api;       // "1"
  std::string_view libtorch;  // "2.11.0"
  std::string_view standard;  // "libstdc++"
};

/// What stands before `separator`, which is taken away too; null if it is not there.
std::optional<std::string_view> TakeUntil(std::string_view& text, std::string_view separator) {
  const size_t end = text.find(separator);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end + separator.size());
  return taken;
}

std::optional<BuiltFor> Parse(std::string_view mark) {
  mark.remove_prefix(kMark.size());
  const auto api = TakeUntil(mark, ", LibTorch ");
  const auto libtorch = api ? TakeUntil(mark, ", ") : std::nullopt;
  if (!libtorch || mark.empty()) return std::nullopt;
  return BuiltFor{*api, *libtorch, mark};
}

/// The first mark in a file.
std::optional<BuiltFor> FindMark(std::string_view content) {
  size_t at = 0;
  while ((at = content.find(kMark, at)) != std::string_view::npos) {
    std::string_view mark = content.substr(at, kLongestMark);
    const size_t end = mark.find('\0');
    if (end != std::string_view::npos) {
      if (const std::optional<BuiltFor> found = Parse(mark.substr(0, end))) return found;
    }
    at += kMark.size();
  }
  return std::nullopt;
}

/// Whether the file begins as a shared library does: ELF of 64 bits, type "shared object".
bool IsSharedLibrary(std::string_view content) {
  constexpr std::string_view kElf64(
      "\x7f"
      "ELF\x02",
      5);
  constexpr size_t kTypeAt = 16;
  return content.starts_with(kElf64) && content.size() > kTypeAt + 1 && content[kTypeAt] == 3 &&
         content[kTypeAt + 1] == 0;
}

Error WrongVersion(const std::string& shown, std::string_view what, std::string_view found,
                   std::string_view wanted) {
  return {ErrorCode::kUnsupported, "`" + shown + "` was built for " + std::string(what) +
                                       std::string(found) + ", this Raceway has " +
                                       std::string(wanted) + ": build it again"};
}

std::string Sha256(std::string_view content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

}  // namespace

engine::Status CheckLibraryFile(std::string_view content, const std::string& shown) {
  if (!IsSharedLibrary(content)) {
    return Error{ErrorCode::kInvalidArgument, "`" + shown + "` is no shared library"};
  }
  const std::optional<BuiltFor> found = FindMark(content);
  if (!found) {
    return Error{ErrorCode::kInvalidArgument,
                 "`" + shown + "` is no plugin: there is no `RACEWAY_PLUGIN(…)` in it"};
  }
  const BuiltFor ours = *Parse(kOurs);
  if (found->api != ours.api) {
    return WrongVersion(shown, "plugin API ", found->api, ours.api);
  }
  if (found->libtorch != ours.libtorch) {
    return WrongVersion(shown, "LibTorch ", found->libtorch, ours.libtorch);
  }
  if (found->standard != ours.standard) {
    return WrongVersion(shown, "", found->standard, ours.standard);
  }
  return engine::Done{};
}

Result<LibraryFile> ReadLibraryFile(const std::filesystem::path& path, const std::string& shown) {
  const Result<std::string> content = engine::ReadFile(path);
  if (!content) return content.error();
  if (auto checked = CheckLibraryFile(*content, shown); !checked) return checked.error();
  return LibraryFile{Sha256(*content)};
}

}  // namespace raceway::operators
