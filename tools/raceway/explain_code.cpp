// `raceway explain E0301`: the long text of a diagnostic, or the list of all codes.

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/explanation.h"
#include "tools/raceway/command.h"

namespace raceway::tools {
namespace {

constexpr std::string_view kList = "codes";

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// The code meant by `E0301`, `e0301` or `type-mismatch`.
const dsl::DiagnosticInfo* FindCode(const std::string& word) {
  for (const dsl::DiagnosticInfo& info : dsl::AllDiagnosticKinds()) {
    if (info.code == Upper(word) || info.name == word) return &info;
  }
  return nullptr;
}

/// `E`, `W` and digits.
bool LooksLikeCode(const std::string& word) {
  return word.size() > 1 && std::string_view("EeWw").find(word.front()) != std::string_view::npos &&
         std::all_of(word.begin() + 1, word.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

int ListCodes(bool json) {
  constexpr std::string_view kSeverities[] = {"note", "warning", "error"};
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const dsl::DiagnosticInfo& info : dsl::AllDiagnosticKinds()) {
    const std::string_view severity = kSeverities[static_cast<size_t>(info.severity)];
    if (json) {
      list.push_back({{"code", info.code}, {"name", info.name}, {"severity", severity}});
    } else {
      std::printf("%s  %-20s %s\n", std::string(info.code).c_str(), std::string(info.name).c_str(),
                  std::string(severity).c_str());
    }
  }
  if (json) std::puts(list.dump(2).c_str());
  return kFine;
}

int UnknownCode(const std::string& word) {
  std::vector<std::string> codes;
  for (const dsl::DiagnosticInfo& info : dsl::AllDiagnosticKinds()) codes.emplace_back(info.code);
  const std::string near = dsl::DidYouMeanText(Upper(word), codes);
  return Fail(kUsage, "no code `" + word + "`" + (near.empty() ? "" : "; " + near) +
                          "\nSee raceway explain codes.");
}

}  // namespace

bool IsCode(const std::string& word) {
  std::error_code error;
  if (std::filesystem::exists(word, error)) return false;
  return word == kList || LooksLikeCode(word) || FindCode(word) != nullptr;
}

int RunExplainCode(const std::string& word, bool json) {
  if (word == kList) return ListCodes(json);
  const dsl::DiagnosticInfo* info = FindCode(word);
  if (info == nullptr) return UnknownCode(word);
  const std::string text(dsl::ExplanationOf(info->code));
  if (json) {
    const nlohmann::ordered_json out = {
        {"code", info->code}, {"name", info->name}, {"explanation", text}};
    std::puts(out.dump(2).c_str());
  } else {
    std::fputs(text.c_str(), stdout);
  }
  return kFine;
}

}  // namespace raceway::tools
