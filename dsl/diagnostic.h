#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/source.h"
#include "dsl/source_set.h"

namespace raceway::dsl {

/// Everything the front end can say. The code of each is in `diagnostic.cpp`, its golden example in
/// `tests/flows/diagnostics/`; a test fails where one is missing.
enum class DiagnosticKind {
  // E00: the source as bytes
  kFileTooLarge,
  kInvalidUtf8,
  kNestingTooDeep,
  // E01: syntax
  kSyntaxError,
  kUnclosedBracket,
  kForeignSpelling,
  // E02: names
  kUnknownName,
  kDuplicateName,
  kUnknownColumn,
  kUnknownOption,
  // E03: types and shapes
  kTypeMismatch,
  kShapeMismatch,
  kMissingColumn,
  kColumnClash,
  kNotAnExpression,
  kBadLiteral,
  kNoSignature,
  // E04: structure
  kBadArguments,
  kNoReturn,
  kRecursiveFlow,
  kUnusedTable,
  // E05: hints and settings
  kBadSetting,
  kUnknownHint,
  kHintNotHonoured,
  // E06: editions, parameters from outside, imports
  kUnknownEdition,
  kMissingEdition,
  kBadParameter,
  kImportCycle,
  kBadImport,
  kUnknownImport,
  kUnusedImport,
  // E07: part of the language, not yet of this release
  kNotImplemented,
  kRunsInTestsOnly,
  // E08: files that the flow names
  kMissingFile,
  kBadModel,
  kModelDiffers,
  kModelFails,
  kBadSidecar,
  // E09: libraries of native functions
  kBadPlugin,
  kPluginVersion,
};

enum class Severity { kNote, kWarning, kError };

struct DiagnosticInfo {
  DiagnosticKind kind;
  std::string_view code;  // "E0301"
  std::string_view name;  // "type-mismatch"
  Severity severity;
};

/// The table of all kinds, in the order of the enumeration.
std::span<const DiagnosticInfo> AllDiagnosticKinds();
const DiagnosticInfo& InfoOf(DiagnosticKind kind);

struct DiagnosticNote {
  SourceRange where;
  std::string message;
};

/// A change of the text; of an empty range, what is put in there.
struct TextEdit {
  SourceRange range;
  std::string replacement;

  friend bool operator==(const TextEdit&, const TextEdit&) = default;
};

struct Diagnostic {
  DiagnosticKind kind;
  SourceRange where;
  std::string message;
  std::vector<DiagnosticNote> notes;  // other places that had a part in it
  std::string help;                   // what to do, empty if there is nothing to say
  bool is_of_test = false;            // it stands in a `test` of the file: flows run all the same
  /// What `help` says, done; all of them or none. Empty where that takes thought.
  std::vector<TextEdit> edits = {};

  /// The help, and the edit that writes `replacement` in the place of what is wrong.
  void Fix(std::string how, std::string replacement);
  /// "did you mean …?" for a name that is all of `where`; where only one name is near, an edit.
  void SuggestName(std::string_view wrong, std::span<const std::string> candidates);
};

/// Collects what is wrong with the sources of one compilation.
class Diagnostics {
 public:
  /// Adds one and returns it, so that the caller can add notes and help.
  Diagnostic& Add(DiagnosticKind kind, SourceRange where, std::string message);
  void Add(Diagnostic diagnostic) { all_.push_back(std::move(diagnostic)); }
  void Append(const Diagnostics& other);
  /// Appends what was found in a `test`.
  void AppendOfTest(const Diagnostics& other);

  bool has_errors() const;
  /// Whether there are errors besides those in tests: then no flow of the file can be run.
  bool has_errors_of_flows() const;
  bool empty() const { return all_.empty(); }
  /// In the order of the sources, at most one error for each place.
  std::vector<Diagnostic> Sorted() const;

 private:
  std::vector<Diagnostic> all_;
};

struct RenderOptions {
  bool color = false;
  int max_errors = 20;  // then a count
};

/// Text for people: code, claim, place, line with a caret, notes, help; ends with a newline.
/// `sources` are those that the ranges point into; a single `Source` will do for a file alone.
std::string Render(const Diagnostics& diagnostics, const SourceSet& sources,
                   RenderOptions options = {});

/// A JSON array, one object each: code, name, severity, message, file, line, column, end_line,
/// end_column (from 1), notes (each with a place of its own), help, edits (each with a place and a
/// replacement).
std::string RenderJson(const Diagnostics& diagnostics, const SourceSet& sources);

/// The whole as a SARIF 2.1.0 log with one run: rules are the codes that occur, with what
/// `raceway explain` says about them; notes are related locations, edits are fixes.
std::string RenderSarif(const Diagnostics& diagnostics, const SourceSet& sources);

/// The candidates a reader may have meant by `wrong`: edit distance of at most a third of its
/// length, best three; where there is none, one that is short for the other (`conf`, `confidence`).
std::vector<std::string> DidYouMean(std::string_view wrong,
                                    std::span<const std::string> candidates);

/// "did you mean `a` or `b`?", or the empty string.
std::string DidYouMeanText(std::string_view wrong, std::span<const std::string> candidates);

}  // namespace raceway::dsl
