#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/source.h"
#include "engine/value.h"

namespace raceway::compiler {

/// Who said a hint, the weakest first. (What nobody said is the engine's own choice.)
enum class HintOrigin { kDefaults, kDeclaration, kFlow, kStep, kCommandLine };

std::string_view NameOf(HintOrigin origin);  // "command line"

/// A wish about how something runs, never about what it computes.
struct Hint {
  std::string name;  // "batch.max", "fuse"
  /// A range is a list of two. Durations are in ns, sizes in bytes, shares from 0 to 1; `4096tok`
  /// is a record { tokens: 4096 }.
  engine::Value value;
  std::string text;  // as written: "4ms"
  HintOrigin origin = HintOrigin::kStep;
  dsl::SourceRange where;  // of the entry; of no meaning for the command line
  std::string said;        // by the command line: "--hint f/map.m.batch.max=8"; else empty

  friend bool operator==(const Hint&, const Hint&) = default;
};

using Hints = std::vector<Hint>;  // each name once, sorted by name

const Hint* FindHint(const Hints& hints, std::string_view name);
/// Adds a hint; one of its name gives way.
void SetHint(Hints& hints, Hint hint);
/// `hints`, and above them `stronger`.
void Overlay(Hints& hints, const Hints& stronger);

}  // namespace raceway::compiler
