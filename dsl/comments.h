#pragma once

#include <span>
#include <string>
#include <vector>

#include "dsl/grammar.h"
#include "dsl/source.h"

namespace raceway::dsl {

struct Comment {
  std::string text;  // as written, without space at its ends
  bool after_blank_line = false;
};

/// The comments around one token.
struct TokenComments {
  std::vector<Comment> before;      // on lines of their own
  std::vector<std::string> inside;  // `/* … */` before it on its line
  std::vector<std::string> after;   // behind it, at the end of its line
  bool after_blank_line = false;    // an empty line is right before it
};

/// The comments around each of the tokens, and around the end of the file: one more than tokens.
/// `tokens` are all of the source but its `///` lines, which are comments here.
std::vector<TokenComments> CommentsAround(const Source& source, std::span<const Token> tokens);

}  // namespace raceway::dsl
