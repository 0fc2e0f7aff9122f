#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Text with places where a line may end. Source: Wadler, "A prettier printer", with comments.
namespace raceway::dsl {

struct Layout {
  enum class Kind {
    kText,
    kSpace,
    kLine,       // a space, or the end of a line if the group around it is broken
    kSoftLine,   // nothing, or the end of a line if the group around it is broken
    kHardLine,   // the end of a line
    kBlank,      // an empty line, if a new line begins here
    kIfBroken,   // `text` if the group around it is broken
    kIfFlat,     // `text` if it is not
    kOwnLine,    // a comment that has lines of its own
    kEndOfLine,  // a comment that ends the line; only a comma may come between
    kConcat,     // `parts`, one after the other
    kIndent,     // the same, two columns further in
    kGroup,      // the same: on one line if that fits, else broken
  };

  Kind kind = Kind::kConcat;
  std::string text;
  std::vector<Layout> parts;
};

/// The text of the layout: lines of at most `width` characters where its breaks allow that, none
/// with space at its end, each with an end of line.
std::string PrintLayout(const Layout& layout, int width);

}  // namespace raceway::dsl
