#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/source.h"

/// Tokens and the grammar, without the parser generator: what `grammar_antlr.cpp` offers to
/// the files around it. Nothing here is safe to call from two threads at once: hold
/// `GrammarMutex`.
namespace raceway::dsl {

/// The generated parser shares its tables between threads without a lock.
std::mutex& GrammarMutex();

struct Token {
  enum class Kind {
    kHardWord,
    kSoftWord,
    kSign,      // brackets, operators, commas
    kName,      // an identifier or a quoted name
    kNumber,    // 1, 0xFF, 1.5
    kQuantity,  // 10ms
    kString,    // any of the four forms of text
    kDoc,       // a `///` line; never reaches the parser
    // Never reach the parser: repaired or dropped by `Repair`.
    kForeign,
    kOpenString,
    kBad,
  };

  Kind kind = Kind::kBad;
  size_t type = 0;  // the number in the grammar
  SourceRange range;
  std::string_view text;  // as written, or what a foreign spelling stands for

  bool is_name() const { return kind == Kind::kName || kind == Kind::kSoftWord; }
};

struct LexResult {
  std::vector<Token> tokens;
  std::optional<SourceRange> open_comment;  // the `/*` that is never closed
};

/// Cuts the part `range` of `source`, which must be valid UTF-8, into tokens.
LexResult Lex(const Source& source, SourceRange range);

/// The number in the grammar of a word or sign: `and`, `|>`.
size_t TypeOf(std::string_view spelling);

/// The number of a kind of token that has no fixed spelling.
enum class Sample { kName, kInt, kQuantity, kString, kText };
size_t TypeOf(Sample sample);

/// `edition 1`
struct EditionDecl {
  int64_t edition = 0;
  SourceRange range;
};

using Unit = std::variant<ast::Item, EditionDecl>;

/// Parses the tokens of one item, all repaired and their brackets matched. Nothing if it has a
/// syntax error: then the first one is in `diagnostics`.
std::optional<Unit> ParseUnit(const Source& source, std::span<const Token> tokens,
                              Diagnostics& diagnostics);

/// What a run of tokens may be: an item, or the expression in a hole of an f-string.
enum class Rule { kUnit, kHole };

constexpr size_t kNoError = static_cast<size_t>(-1);

/// Frees what the parser has learnt from the texts so far; it grows with them, and the next parse
/// is as slow as the first.
void ForgetParsed();

/// Index of the first token that is wrong, their number if the end comes too early, or `kNoError`.
size_t FirstError(std::span<const Token> tokens, Rule rule);

}  // namespace raceway::dsl
