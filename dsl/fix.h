#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/source.h"

/// The edits of diagnostics, applied: what `raceway check --fix` does.
namespace raceway::dsl {

/// The text with `edits` made. They lie in `source` and do not overlap.
std::string ApplyEdits(const Source& source, std::vector<TextEdit> edits);

/// Edits of one text of which no two change the same place.
class EditSet {
 public:
  /// Adds all of them, or none if one would change what another does.
  bool Add(const std::vector<TextEdit>& edits);
  const std::vector<TextEdit>& edits() const { return edits_; }

 private:
  bool AddOne(const TextEdit& edit);

  std::vector<TextEdit> edits_;
  std::map<int32_t, int32_t> ends_;  // by where they begin
};

struct FixResult {
  std::string text;               // the source after all fixes
  std::vector<Diagnostic> fixed;  // what is gone, each in the text that it was found in
  std::vector<Position> places;   // where each began then
};

/// What is wrong with a text.
using CheckText = std::function<Diagnostics(const Source&)>;

/// Makes the edits of all diagnostics that can be fixed in `source`, and of what comes to light
/// then, until nothing is left to fix. An edit is made only if it pays: what it was for is gone
/// afterwards, and nothing that weighs as much has come. Syntax weighs more than other errors,
/// since it hides them, and errors more than remarks.
///
/// Calls `check` a few times; once for each edit only where edits harm each other.
FixResult FixAll(const Source& source, const CheckText& check);

}  // namespace raceway::dsl
