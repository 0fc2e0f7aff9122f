// `raceway fmt`: the canonical form of flow files.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "dsl/format.h"
#include "dsl/parse.h"
#include "dsl/print.h"
#include "tools/raceway/command.h"
#include "tools/raceway/files.h"
#include "tools/raceway/flow_files.h"

namespace raceway::tools {
namespace {

constexpr const char* kStandardInput = "-";

enum class Outcome { kCanonical, kChanged, kWrong, kUnreadable };

/// The canonical text; nothing, and that is said, if the file is wrong.
std::optional<std::string> Canonical(const dsl::Source& source) {
  const dsl::ParseResult parsed = dsl::Parse(source);
  std::optional<std::string> text = dsl::Format(source, parsed);
  if (!text) {
    PrintDiagnostics(parsed.diagnostics, source, false);
    return std::nullopt;
  }
  if (text->size() > static_cast<size_t>(dsl::Source::kMaxBytes)) {
    Fail(kFlowIsWrong, "cannot format `" + source.name() + "`: it would have " +
                           std::to_string(text->size()) + " bytes, more than the limit of " +
                           std::to_string(dsl::Source::kMaxBytes) + "; `import` parts of it");
    return std::nullopt;
  }
  // A change of meaning would be our mistake: better say so than write it.
  dsl::ast::File before = parsed.file;
  if (!before.edition) before.edition = 1;
  const dsl::Source formatted(source.name(), *text);
  if (dsl::PrintSyntax(before) == dsl::PrintSyntax(dsl::Parse(formatted).file)) return text;
  Fail(kFlowIsWrong, "cannot format `" + source.name() +
                         "` without changing what it means; this is a mistake of raceway, please "
                         "report it");
  return std::nullopt;
}

engine::Result<std::string> ReadInput(const std::string& file) {
  if (file != kStandardInput) return ReadFile(file, int64_t{64} * dsl::Source::kMaxBytes);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

Outcome FormatFile(const std::string& file, bool only_check) {
  engine::Result<std::string> text = ReadInput(file);
  if (!text.ok()) return Fail(kUsage, text.error().message), Outcome::kUnreadable;
  const bool is_input = file == kStandardInput;
  const dsl::Source source(is_input ? "standard input" : file, *std::move(text));
  const std::optional<std::string> formatted = Canonical(source);
  if (!formatted) return Outcome::kWrong;
  const bool is_canonical = *formatted == source.text();
  if (is_input && !only_check) {
    std::fwrite(formatted->data(), 1, formatted->size(), stdout);
    return Outcome::kCanonical;
  }
  if (is_canonical) return Outcome::kCanonical;
  if (!only_check) {
    const engine::Status written = WriteFile(file, *formatted);
    if (!written.ok()) return Fail(kMachineLacks, written.error().message), Outcome::kUnreadable;
  }
  std::puts(source.name().c_str());
  return Outcome::kChanged;
}

}  // namespace

int RunFmt(const FmtOptions& options) {
  int exit_code = kFine;
  for (const std::string& path : options.paths) {
    const engine::Result<std::vector<std::string>> files = FlowFilesOf(path);
    if (!files.ok()) {
      exit_code = Fail(kUsage, files.error().message);
      continue;
    }
    for (const std::string& file : *files) {
      switch (FormatFile(file, options.check)) {
        case Outcome::kCanonical: break;
        case Outcome::kChanged:
          if (options.check) exit_code = std::max<int>(exit_code, kFlowIsWrong);
          break;
        case Outcome::kWrong: exit_code = std::max<int>(exit_code, kFlowIsWrong); break;
        case Outcome::kUnreadable: exit_code = kUsage; break;
      }
    }
  }
  return exit_code;
}

}  // namespace raceway::tools
