#include "compiler/check/stores.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "compiler/check/quantities.h"
#include "compiler/check/step_parts.h"
#include "engine/data/key_type.h"

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
std::vector<std::string> SettingsOf(std::string_view kind) {
  if (kind == "rocksdb") return {"cache"};
  if (kind == "index") return {"top", "metric"};
  return {};
}

constexpr auto kMetrics = std::to_array<std::string_view>({"cosine", "dot", "l2"});

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

/// What the engine is told goes into `spec`. `top` is only compared with the types, later.
bool CheckSetting(const ast::Entry& entry, FunctionSpec& spec, Diagnostics& diagnostics) {
  const std::string& key = entry.key.text;
  const Kind kind = entry.value ? entry.value->kind : Kind::kNull;
  if (key == "top") {
    return kind == Kind::kInt || kind == Kind::kName ||
           Wrong(entry, "`top` wants a number of rows", diagnostics);
  }
  if (key == "metric") {
    const bool is_known = kind == Kind::kName && std::find(kMetrics.begin(), kMetrics.end(),
                                                           entry.value->text) != kMetrics.end();
    if (!is_known) return Wrong(entry, "`metric` is `cosine`, `dot` or `l2`", diagnostics);
    spec.settings.emplace_back(key, entry.value->text);
    return true;
  }
  const std::optional<Quantity> quantity =
      kind == Kind::kQuantity ? ParseQuantity(entry.value->text) : std::nullopt;
  if (!quantity || quantity->measure != Measure::kSize || quantity->amount < 1 ||
      quantity->amount > 1e15) {
    return Wrong(entry, "`cache` wants an amount of memory, as `256MiB`", diagnostics);
  }
  spec.settings.emplace_back(key, static_cast<int64_t>(quantity->amount));
  return true;
}

/// Hints go into `spec`; everything else was said by the source.
bool CheckEntry(const ast::Entry& entry, FunctionSpec& spec, Diagnostics& diagnostics) {
  const std::string& kind = spec.native;
  const std::string& key = entry.key.text;
  if (key == kind) {
    if (entry.value && entry.value->kind == Kind::kString) return true;
    return Wrong(entry, "`" + key + "` wants the name of a file in quotes", diagnostics);
  }
  if (const std::vector<std::string> settings = SettingsOf(kind);
      std::find(settings.begin(), settings.end(), key) != settings.end()) {
    return CheckSetting(entry, spec, diagnostics);
  }
  if (IsHint(key)) {
    Overlay(spec.hints, CheckHint(entry, HintPlace::kDeclaration, diagnostics));
    NoteIdleHint(entry.key, "a store", false, diagnostics);
    return true;
  }
  std::vector<std::string> known(kKinds.begin(), kKinds.end());
  for (std::string& setting : SettingsOf(kind)) known.push_back(std::move(setting));
  diagnostics
      .Add(DiagnosticKind::kUnknownOption, entry.key.range, "a store has no setting `" + key + "`")
      .help = Suggest(key, known);
  return false;
}

/// The nearest of vectors: a vector, and of each column as many as are wanted.
bool CheckIndexColumns(const DeclaredColumn& key, const std::vector<DeclaredColumn>& results,
                       Diagnostics& diagnostics) {
  const engine::Type& vector = key.type;
  if (vector.dtype != engine::DataType::kF32 || vector.optional || vector.shape.size() != 1 ||
      !vector.is_fixed()) {
    diagnostics
        .Add(DiagnosticKind::kTypeMismatch, key.range,
             "an index is searched by a vector of one size, `" + key.name + "` is " +
                 ToString(vector))
        .help = key.name + ": f32[384]";
    return false;
  }
  for (const DeclaredColumn& result : results) {
    const engine::Type& type = result.type;
    const bool is_list = !type.shape.empty() && type.is_fixed() && !type.optional &&
                         type.dtype != engine::DataType::kBytes;
    const bool is_nearness = result.name == "score" || result.name == "distance";
    if (is_list && type.shape[0] == results.front().type.shape[0] && type.shape[0].size > 0 &&
        (!IsText(type.dtype) || type.shape.size() == 1) &&
        (!is_nearness || (type.dtype == engine::DataType::kF32 && type.shape.size() == 1))) {
      continue;
    }
    diagnostics
        .Add(DiagnosticKind::kTypeMismatch, result.range,
             "an index gives a list of the nearest, all of one size; `" + result.name + "` is " +
                 ToString(type))
        .help = is_nearness ? result.name + ": f32[5]"
                            : "of five rows: `name: string[5]`, `place: f32[5, 3]`";
    return false;
  }
  return true;
}

std::string MetricOf(const FunctionSpec& spec) {
  for (const auto& [key, value] : spec.settings) {
    if (key == "metric") return *value.AsString();
  }
  return "cosine";
}

/// `dot` gives a score, `l2` a distance, `cosine` either.
bool CheckNearness(const std::vector<DeclaredColumn>& results, const std::string& metric,
                   Diagnostics& diagnostics) {
  for (const DeclaredColumn& result : results) {
    const std::string given = metric == "l2" ? "distance" : metric == "dot" ? "score" : "";
    if (given.empty() || (result.name != "score" && result.name != "distance") ||
        result.name == given) {
      continue;
    }
    diagnostics
        .Add(DiagnosticKind::kTypeMismatch, result.range,
             "metric `" + metric + "` gives a `" + given + "`, no `" + result.name + "`")
        .help = given + ": " + ToString(result.type);
    return false;
  }
  return true;
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
  spec.source = source->value->text;
  spec.source_range = source->value->range;
  return spec;
}

std::vector<DeclaredStore> StoresOf(const Declarations& declarations) {
  std::vector<DeclaredStore> stores;
  for (const auto& [name, store] : declarations.stores) {
    const std::vector<std::string>& own = declarations.own;
    if (std::find(own.begin(), own.end(), name) == own.end()) continue;
    std::vector<engine::Field> fields = {{store.key.name, store.key.type}};
    for (const DeclaredColumn& result : store.results) fields.push_back({result.name, result.type});
    stores.push_back(
        {name, store.spec.native, store.spec.source, engine::Schema(std::move(fields))});
  }
  return stores;
}

bool CheckStoreColumns(const DeclaredColumn& key, const std::vector<DeclaredColumn>& results,
                       const FunctionSpec& spec, Diagnostics& diagnostics) {
  if (spec.native == "index") {
    return CheckIndexColumns(key, results, diagnostics) &&
           CheckNearness(results, MetricOf(spec), diagnostics);
  }
  if (CanBeKey(key.type)) return true;
  diagnostics.Add(DiagnosticKind::kTypeMismatch, key.range,
                  "rows are looked up by integers, bools, times or strings, `" + key.name +
                      "` is " + ToString(key.type));
  return false;
}

bool CheckTop(const ast::StoreDecl& decl, const std::vector<DeclaredColumn>& results,
              const std::map<std::string, Param>& params, Diagnostics& diagnostics) {
  for (const ast::Entry& entry : decl.block.entries) {
    if (entry.key.text != "top" || !entry.value) continue;
    std::optional<engine::Value> top;
    if (entry.value->kind == Kind::kInt) top = ConstantOf(*entry.value, diagnostics);
    const auto param = params.find(entry.value->text);
    if (entry.value->kind == Kind::kName && param != params.end()) top = param->second.value;
    if (top && top->AsInt() != nullptr && *top->AsInt() == results.front().type.shape[0].size) {
      continue;
    }
    diagnostics
        .Add(DiagnosticKind::kBadSetting, entry.value->range,
             "`top` is not how many rows the columns have")
        .notes.push_back(
            {results.front().range, "this has " + ToString(results.front().type.shape[0])});
    return false;
  }
  return true;
}

}  // namespace raceway::compiler
