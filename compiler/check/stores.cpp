#include "compiler/check/stores.h"

#include <algorithm>
#include <array>
#include <string>

#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::Diagnostics;
using Kind = ast::Expr::Kind;

constexpr auto kKinds = std::to_array<std::string_view>({"rows", "rocksdb", "index"});

bool IsKind(std::string_view key) {
  return std::find(kKinds.begin(), kKinds.end(), key) != kKinds.end();
}

/// What else may stand in the block of a store of that kind.
std::string_view SettingOf(std::string_view kind) {
  if (kind == "rocksdb") return "cache";
  return kind == "index" ? "top" : "";
}

bool Wrong(const ast::Entry& entry, std::string message, Diagnostics& diagnostics) {
  diagnostics.Add(DiagnosticKind::kBadSetting, entry.value ? entry.value->range : entry.range,
                  std::move(message));
  return false;
}

/// The entry that says where the rows are; null where there is not exactly one.
const ast::Entry* FindSource(const ast::StoreDecl& decl, Diagnostics& diagnostics) {
  const ast::Entry* source = nullptr;
  for (const ast::Entry& entry : decl.block.entries) {
    if (!IsKind(entry.key.text)) continue;
    if (source != nullptr) {
      diagnostics
          .Add(DiagnosticKind::kBadSetting, entry.key.range,
               "store `" + decl.name.text + "` has two sources")
          .notes.push_back({source->key.range, "the other is here"});
      return nullptr;
    }
    source = &entry;
  }
  if (source == nullptr) {
    diagnostics
        .Add(DiagnosticKind::kBadSetting, decl.name.range,
             "store `" + decl.name.text + "` does not say where its rows are")
        .help = "rows: \"file.jsonl\"";
  }
  return source;
}

/// Hints go into `spec`; everything else was said by the source, or is only checked.
bool CheckEntry(const ast::Entry& entry, FunctionSpec& spec, Diagnostics& diagnostics) {
  const std::string& kind = spec.native;
  const std::string& key = entry.key.text;
  if (key == kind) {
    if (entry.value && entry.value->kind == Kind::kString) return true;
    return Wrong(entry, "`" + key + "` wants the name of a file in quotes", diagnostics);
  }
  if (!SettingOf(kind).empty() && key == SettingOf(kind)) {
    const bool is_amount =
        entry.value && (entry.value->kind == Kind::kQuantity || entry.value->kind == Kind::kInt ||
                        entry.value->kind == Kind::kName);
    return is_amount || Wrong(entry, "`" + key + "` wants an amount", diagnostics);
  }
  if (IsHint(key)) {
    Overlay(spec.hints, CheckHint(entry, HintPlace::kDeclaration, diagnostics));
    return true;
  }
  std::vector<std::string> known(kKinds.begin(), kKinds.end());
  if (!SettingOf(kind).empty()) known.emplace_back(SettingOf(kind));
  diagnostics
      .Add(DiagnosticKind::kUnknownOption, entry.key.range, "a store has no setting `" + key + "`")
      .help = Suggest(key, known);
  return false;
}

}  // namespace

std::optional<FunctionSpec> StoreSettings(const ast::StoreDecl& decl, Diagnostics& diagnostics) {
  const ast::Entry* source = FindSource(decl, diagnostics);
  if (source == nullptr) return std::nullopt;
  FunctionSpec spec;
  spec.kind = FunctionSpec::Kind::kStore;
  spec.name = decl.name.text;
  spec.native = source->key.text;
  bool is_fine = true;
  for (const ast::Entry& entry : decl.block.entries) {
    is_fine &= CheckEntry(entry, spec, diagnostics);
  }
  if (!is_fine) return std::nullopt;
  spec.native_range = source->key.range;
  if (spec.native != "rows") {
    diagnostics
        .Add(DiagnosticKind::kRunsInTestsOnly, source->key.range,
             "`" + spec.native + "` stores are not supported yet; flows that look up in `" +
                 spec.name + "` run only in tests, where a stub has its rows")
        .help = std::string(kRowsInstead);
  }
  spec.source = source->value->text;
  spec.source_range = source->value->range;
  return spec;
}

bool CheckStoreKey(const DeclaredColumn& key, std::string_view kind, Diagnostics& diagnostics) {
  const bool is_vector = kind == "index" && !key.type.optional && key.type.shape.size() == 1;
  if (is_vector || CanBeKey(key.type)) return true;
  diagnostics.Add(DiagnosticKind::kTypeMismatch, key.range,
                  "rows are looked up by integers, bools, times or strings, `" + key.name +
                      "` is " + ToString(key.type));
  return false;
}

}  // namespace raceway::compiler
