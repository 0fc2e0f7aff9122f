#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/ast.h"
#include "dsl/source.h"

/// What literals mean. Ranges are bytes within the text given.
namespace raceway::dsl {

/// `1_000`, `0xFF`; nothing if it does not fit.
std::optional<int64_t> IntValue(std::string_view text);
/// The same up to the greatest u64.
std::optional<uint64_t> UnsignedValue(std::string_view text);

/// `1.5`, `2e-3`, `1_000.0`; nothing if it does not fit.
std::optional<double> FloatValue(std::string_view text);

/// The texts around the holes of an f-string, one more than it has holes: escapes resolved, `{{`
/// and `}}` made single, a `"""` text dedented.
std::vector<std::string> FStringTexts(const ast::Expr& fstring);

/// The part of a string token between its quotes; knows quotes of other languages and lost ones.
SourceRange StringContent(std::string_view token);

struct LiteralError {
  SourceRange where;
  std::string message;
  std::string help;
};

/// What is wrong with the escapes of a string (the text between the quotes).
std::vector<LiteralError> CheckEscapes(std::string_view text);

/// Resolves \n \t \r \" \\ \u{1F600}; what is no escape stays as it is.
std::string Unescape(std::string_view text);

/// The content of a `"""` text: without a first and a last line that are blank, without the
/// indentation all lines share, with `\n` for each end of line.
std::string Dedent(std::string_view text);

struct Holes {
  std::vector<SourceRange> ranges;  // between the braces
  std::vector<LiteralError> errors;
};

/// Finds `{…}` in an f-string (the text between the quotes).
Holes FindHoles(std::string_view text);

/// Offset of the first byte that is not UTF-8.
std::optional<int32_t> FindInvalidUtf8(std::string_view text);

/// Decodes the character at `offset` of valid UTF-8 and moves `offset` behind it.
char32_t NextCharacter(std::string_view text, size_t& offset);

}  // namespace raceway::dsl
