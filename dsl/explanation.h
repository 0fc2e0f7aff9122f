#pragma once

#include <span>
#include <string_view>

namespace raceway::dsl {

/// The long text of a code, Markdown: what it means, what to do, a wrong and a right example. They
/// are the files `dsl/explanations/CODE.md`.
struct Explanation {
  std::string_view code;  // "E0301"
  std::string_view text;
};

/// All of them, sorted by code; a test fails where a code has none.
std::span<const Explanation> AllExplanations();

/// The one of a code; the empty string if there is none.
std::string_view ExplanationOf(std::string_view code);

}  // namespace raceway::dsl
