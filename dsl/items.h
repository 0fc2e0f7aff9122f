#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/grammar.h"
#include "dsl/source.h"

/// The work on tokens before the parser: one mistake must cost at most the item it is in.
namespace raceway::dsl {

/// The tokens from one item word to the next.
struct ItemTokens {
  std::vector<Token> tokens;
  std::string doc;  // the `///` lines before it
};

/// Cuts a file at the words that begin an item. A word does so in the column of the file's first
/// item (column 1 as a rule) even where a bracket is still open, elsewhere outside of brackets
/// only.
std::vector<ItemTokens> CutItems(const Source& source, std::span<const Token> tokens);

/// Corrects a first word that is almost an item word (`modle`). False if it is none at all.
bool RepairItemWord(ItemTokens& item, Diagnostics& diagnostics);

}  // namespace raceway::dsl
