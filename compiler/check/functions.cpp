#include "compiler/check/functions.h"

#include <algorithm>
#include <variant>

#include "compiler/check/model_settings.h"

namespace raceway::compiler {
namespace {

using dsl::Diagnostic;
using dsl::DiagnosticKind;
using dsl::Diagnostics;
using engine::FunctionContract;
using engine::SettingContract;
using engine::Value;

constexpr std::string_view kLaterSources[] = {"onnx", "llm", "wasm", "safetensors"};
constexpr std::string_view kLaterSettings[] = {"dtype",   "export", "memory",
                                               "timeout", "state",  "context"};

constexpr std::string_view kLaterEndings[] = {".onnx", ".safetensors"};

/// The ending of a model's file that no engine reads yet; else empty.
std::string_view LaterEnding(std::string_view source) {
  for (const std::string_view ending : kLaterEndings) {
    if (source.ends_with(ending)) return ending;
  }
  return "";
}

template <typename Range>
bool Contains(const Range& range, std::string_view text) {
  return std::find(std::begin(range), std::end(range), text) != std::end(range);
}

void NotImplemented(const ast::Entry& entry, Diagnostics& diagnostics) {
  diagnostics.Add(DiagnosticKind::kNotImplemented, entry.key.range,
                  "`" + entry.key.text + "` is not supported yet");
}

void UnknownSetting(const ast::Entry& entry, std::string_view owner,
                    const std::vector<std::string>& known, Diagnostics& diagnostics) {
  Suggest(diagnostics.Add(DiagnosticKind::kUnknownOption, entry.key.range,
                          std::string(owner) + " has no setting `" + entry.key.text + "`"),
          entry.key.text, known);
}

dsl::SourceRange ValueOf(const ast::Entry& entry) {
  return entry.value ? entry.value->range : entry.range;
}

/// The string written as the value of `entry`.
std::optional<std::string> StringOf(const ast::Entry& entry, Diagnostics& diagnostics) {
  if (entry.value && entry.value->kind == ast::Expr::Kind::kString) return entry.value->text;
  diagnostics.Add(DiagnosticKind::kBadSetting, ValueOf(entry),
                  "`" + entry.key.text + "` wants a string in quotes");
  return std::nullopt;
}

/// Hints may stand in any declaration's block as blocks of their own.
bool TakeHint(const ast::Entry& entry, HintPlace place, FunctionSpec& spec,
              Diagnostics& diagnostics) {
  if (!IsHint(entry.key.text)) return false;
  Overlay(spec.hints, CheckHint(entry, place, diagnostics));
  return true;
}

std::string_view Wanted(SettingContract::Kind kind) {
  switch (kind) {
    case SettingContract::Kind::kInt: return "an integer";
    case SettingContract::Kind::kNumber: return "a number";
    case SettingContract::Kind::kString: return "a string in quotes";
    case SettingContract::Kind::kBool: return "`true` or `false`";
    case SettingContract::Kind::kNumbers: return "a number or a list of numbers";
    case SettingContract::Kind::kFile: return "the name of a file in quotes";
  }
  return "something else";
}

bool IsNumbers(const Value& value) {
  if (value.AsNumber()) return true;
  const Value::List* list = value.AsList();
  return list != nullptr && !list->empty() &&
         std::all_of(list->begin(), list->end(), [](const Value& v) { return !!v.AsNumber(); });
}

bool Fits(const Value& value, SettingContract::Kind kind, ast::Expr::Kind written) {
  switch (kind) {
    case SettingContract::Kind::kInt: return value.AsInt() != nullptr;
    case SettingContract::Kind::kNumber: return value.AsNumber().has_value();
    case SettingContract::Kind::kBool: return value.AsBool() != nullptr;
    case SettingContract::Kind::kNumbers: return IsNumbers(value);
    case SettingContract::Kind::kString:
    case SettingContract::Kind::kFile: return written == ast::Expr::Kind::kString;
  }
  return false;
}

/// Checks one setting of a native function; null if it is wrong.
std::optional<Value> SettingValue(const ast::Entry& entry, const SettingContract& contract,
                                  Diagnostics& diagnostics) {
  const auto wrong = [&](std::string message) -> std::optional<Value> {
    diagnostics.Add(DiagnosticKind::kBadSetting, ValueOf(entry), std::move(message));
    return std::nullopt;
  };
  const std::string what = "`" + entry.key.text + "` wants ";
  if (!entry.value) return wrong(what + std::string(Wanted(contract.kind)));
  std::optional<Value> value = ConstantOf(*entry.value, diagnostics);
  if (!value) return std::nullopt;
  if (!Fits(*value, contract.kind, entry.value->kind)) {
    return wrong(what + std::string(Wanted(contract.kind)));
  }
  if (const std::string problem = contract.ProblemOf(*value); !problem.empty()) {
    return wrong("`" + entry.key.text + "` " + problem);
  }
  if (const std::string* text = value->AsString(); text != nullptr && !contract.allowed.empty()) {
    if (!Contains(contract.allowed, *text)) {
      std::string list;
      for (const std::string& allowed : contract.allowed) {
        list += (list.empty() ? "\"" : ", \"") + allowed + "\"";
      }
      return wrong(what + "one of " + list);
    }
  }
  return value;
}

bool CheckAgainst(const std::vector<DeclaredColumn>& declared,
                  const std::vector<engine::Field>& contract, const std::string& native,
                  dsl::SourceRange where, std::string_view what, Dims& dims,
                  Instantiation& of_contract, Instantiation& of_declaration,
                  Diagnostics& diagnostics) {
  if (declared.size() != contract.size()) {
    diagnostics.Add(DiagnosticKind::kTypeMismatch, where,
                    "`" + native + "` has " + std::to_string(contract.size()) + " " +
                        std::string(what) + ", declared " + std::to_string(declared.size()));
    return false;
  }
  bool is_fine = true;
  for (size_t i = 0; i < declared.size(); ++i) {
    const engine::Type wanted = of_contract(contract[i].type);
    const Clash clash = UnifyTypes(dims, wanted, of_declaration(declared[i].type));
    if (clash.text.empty()) continue;
    diagnostics.Add(clash.is_shape ? DiagnosticKind::kShapeMismatch : DiagnosticKind::kTypeMismatch,
                    declared[i].range,
                    "`" + native + "` has `" + contract[i].name + ": " +
                        ToString(contract[i].type) + "` here, declared `" + declared[i].name +
                        ": " + ToString(declared[i].type) + "`");
    is_fine = false;
  }
  return is_fine;
}

std::string SignatureText(const FunctionContract& contract) {
  return contract.name + ToString(engine::Schema(contract.params)) + " -> " +
         ToString(engine::Schema(contract.results));
}

bool CheckSignature(const ast::FnDecl& decl, const std::vector<DeclaredColumn>& params,
                    const std::vector<DeclaredColumn>& results, const FunctionContract& contract,
                    Diagnostics& diagnostics) {
  Dims dims;
  Instantiation of_contract(dims, Instantiation::Kind::kFlexible);
  // A fixed size may stand where the contract has a symbol, so the author's symbols bend as well.
  Instantiation of_declaration(dims, Instantiation::Kind::kFlexible);
  Diagnostics found;
  const bool is_fine = CheckAgainst(params, contract.params, contract.name, decl.signature.range,
                                    "parameters", dims, of_contract, of_declaration, found) &&
                       CheckAgainst(results, contract.results, contract.name, decl.signature.range,
                                    "results", dims, of_contract, of_declaration, found);
  if (!is_fine) {
    const std::string help = "the function is `" + SignatureText(contract) + "`";
    for (const Diagnostic& diagnostic : found.Sorted()) {
      diagnostics.Add(diagnostic.kind, diagnostic.where, diagnostic.message).help = help;
    }
  }
  return is_fine;
}

const ast::Entry* FindEntry(const ast::FnDecl& decl, std::string_view key) {
  const auto& entries = decl.block.entries;
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const ast::Entry& entry) { return entry.key.text == key; });
  return found == entries.end() ? nullptr : &*found;
}

/// Why nothing is known of the library that `entry` names first, one of `num_functions` that do.
void ReportLibrary(const ast::Entry& entry, const engine::Error& error, size_t num_functions,
                   Diagnostics& diagnostics) {
  DiagnosticKind kind = DiagnosticKind::kBadPlugin;
  std::string help;
  if (error.code == engine::ErrorCode::kUnavailable) {
    kind = DiagnosticKind::kMissingFile;
    help = "build the library first; paths are relative to the folder of the flow file";
  } else if (error.code == engine::ErrorCode::kUnsupported) {
    kind = DiagnosticKind::kPluginVersion;
    help = "build the library again, against this Raceway and its LibTorch";
  }
  const std::string of =
      num_functions == 1 ? "" : " (" + std::to_string(num_functions) + " functions are of it)";
  diagnostics.Add(kind, ValueOf(entry), error.message + of).help = std::move(help);
}

/// The functions of the library that the `fn` names; null if they are not known, which
/// `ReportLibraries` says.
const std::vector<FunctionContract>* FindLibrary(const ast::Entry& entry,
                                                 const Libraries& libraries,
                                                 Diagnostics& diagnostics) {
  const std::optional<std::string> path = StringOf(entry, diagnostics);
  const auto found = path ? libraries.find(*path) : libraries.end();
  return found != libraries.end() && found->second.ok() ? &*found->second : nullptr;
}

void UnknownFunction(const ast::Entry& native, const ast::Entry* library,
                     const std::vector<std::string>& known, Diagnostics& diagnostics) {
  const std::string& name = native.value->text;
  const std::string where = library == nullptr ? "" : " in `" + library->value->text + "`";
  Diagnostic& diagnostic = diagnostics.Add(DiagnosticKind::kUnknownName, native.value->range,
                                           "no native function `" + name + "`" + where);
  diagnostic.help = Suggest(name, known);
  const std::vector<std::string> near = dsl::DidYouMean(name, known);
  if (near.size() == 1) diagnostic.edits = {{native.value->range, "\"" + near.front() + "\""}};
}

/// What implements the `fn`: something built in, or of its library; null (and reported) if nothing
/// this release knows does.
const FunctionContract* FindContract(const ast::FnDecl& decl, const engine::Catalog& catalog,
                                     const Libraries& libraries, Diagnostics& diagnostics) {
  for (const ast::Entry& entry : decl.block.entries) {
    if (!Contains(kLaterSources, entry.key.text)) continue;
    NotImplemented(entry, diagnostics);
    return nullptr;
  }
  const ast::Entry* native = FindEntry(decl, "native");
  if (native == nullptr) {
    diagnostics.Add(DiagnosticKind::kBadSetting, decl.name.range,
                    "`" + decl.name.text + "` needs a `native: \"…\"` that says what computes it");
    return nullptr;
  }
  const std::optional<std::string> name = StringOf(*native, diagnostics);
  if (!name) return nullptr;
  const ast::Entry* library = FindEntry(decl, "library");
  std::vector<std::string> known;
  const auto find = [&](const auto& functions) -> const FunctionContract* {
    for (const FunctionContract& function : functions) {
      if (function.name == *name) return &function;
      known.push_back(function.name);
    }
    UnknownFunction(*native, library, known, diagnostics);
    return nullptr;
  };
  if (library == nullptr) return find(catalog.functions());
  const std::vector<FunctionContract>* functions = FindLibrary(*library, libraries, diagnostics);
  return functions == nullptr ? nullptr : find(*functions);
}

bool ReportDuplicate(const ast::Block& block, const ast::Entry& entry, Diagnostics& diagnostics) {
  for (const ast::Entry& other : block.entries) {
    if (&other == &entry) return false;
    if (other.key.text != entry.key.text) continue;
    diagnostics
        .Add(DiagnosticKind::kDuplicateName, entry.key.range,
             "`" + entry.key.text + "` is set twice")
        .notes.push_back({other.key.range, "first here"});
    return true;
  }
  return false;
}

}  // namespace

std::optional<FunctionSpec> ModelSpec(const ast::ModelDecl& decl, Diagnostics& diagnostics) {
  FunctionSpec spec;
  spec.kind = FunctionSpec::Kind::kModel;
  spec.name = decl.name.text;
  const auto has = [&](std::string_view key) {
    return std::any_of(decl.block.entries.begin(), decl.block.entries.end(),
                       [&](const ast::Entry& entry) { return entry.key.text == key; });
  };
  const bool is_later = std::any_of(std::begin(kLaterSources), std::end(kLaterSources), has);
  const HintPlace place = has("llm") ? HintPlace::kLanguageModel : HintPlace::kDeclaration;
  bool is_fine = true;
  for (const ast::Entry& entry : decl.block.entries) {
    const std::string& key = entry.key.text;
    if (ReportDuplicate(decl.block, entry, diagnostics)) {
      is_fine = false;
    } else if (key == "source") {
      const std::optional<std::string> source = StringOf(entry, diagnostics);
      if (const std::string_view ending = source ? LaterEnding(*source) : ""; !ending.empty()) {
        diagnostics
            .Add(DiagnosticKind::kNotImplemented, entry.value->range,
                 "models of " + std::string(ending) + " files are not supported yet")
            .help = "a TorchScript file or an AOTInductor package: `source: \"model.pt\"`";
        is_fine = false;
      }
      if (!source) is_fine = false;
      spec.source = source.value_or("");
      spec.source_range = ValueOf(entry);
    } else if (TakeModelSetting(entry, spec, is_fine, diagnostics)) {
      continue;
    } else if (Contains(kLaterSources, key) || Contains(kLaterSettings, key)) {
      // What goes with a source that is not there yet is no mistake of its own.
      if (Contains(kLaterSources, key) || !is_later) NotImplemented(entry, diagnostics);
      is_fine = false;
    } else if (!TakeHint(entry, place, spec, diagnostics)) {
      UnknownSetting(entry, "a model",
                     {"source", "device", "threads", "instances", "method", "weights", "state",
                      "dtype", "pad", "batch", "load", "prewarm"},
                     diagnostics);
      is_fine = false;
    }
  }
  if (is_fine && spec.source.empty()) {
    diagnostics.Add(DiagnosticKind::kBadSetting, decl.name.range,
                    "model `" + decl.name.text + "` needs a `source: \"…\"`");
    is_fine = false;
  }
  if (!is_fine) return std::nullopt;
  return spec;
}

void ReportLibraries(const ast::File& file, const Libraries& libraries, Diagnostics& diagnostics) {
  std::map<std::string, std::vector<const ast::Entry*>> users;
  for (const ast::Item& item : file.items) {
    const auto* decl = std::get_if<ast::FnDecl>(&item);
    const ast::Entry* library = decl == nullptr ? nullptr : FindEntry(*decl, "library");
    if (library != nullptr && library->value) users[library->value->text].push_back(library);
  }
  for (const auto& [path, entries] : users) {
    const auto found = libraries.find(path);
    if (found == libraries.end() || found->second.ok()) continue;
    ReportLibrary(*entries.front(), found->second.error(), entries.size(), diagnostics);
  }
}

std::optional<FunctionSpec> NativeSpec(const ast::FnDecl& decl,
                                       const std::vector<DeclaredColumn>& params,
                                       const std::vector<DeclaredColumn>& results,
                                       const engine::Catalog& catalog, const Libraries& libraries,
                                       Diagnostics& diagnostics) {
  const FunctionContract* contract = FindContract(decl, catalog, libraries, diagnostics);
  if (contract == nullptr) return std::nullopt;
  FunctionSpec spec;
  spec.kind = FunctionSpec::Kind::kNative;
  spec.name = decl.name.text;
  spec.native = contract->name;
  std::vector<std::string> known;
  for (const SettingContract& setting : contract->settings) known.push_back(setting.name);
  bool is_fine = CheckSignature(decl, params, results, *contract, diagnostics);
  for (const ast::Entry& entry : decl.block.entries) {
    const std::string& key = entry.key.text;
    if (ReportDuplicate(decl.block, entry, diagnostics)) {
      is_fine = false;
      continue;
    }
    if (key == "native") continue;
    if (key == "library") {
      spec.source = entry.value->text;
      spec.source_range = entry.value->range;
      continue;
    }
    const auto setting = std::find(known.begin(), known.end(), key);
    if (setting != known.end()) {
      const SettingContract& allowed =
          contract->settings[static_cast<size_t>(setting - known.begin())];
      std::optional<Value> value = SettingValue(entry, allowed, diagnostics);
      is_fine &= value.has_value();
      if (value) spec.settings.emplace_back(key, *std::move(value));
      if (allowed.kind == SettingContract::Kind::kFile) {
        spec.files.emplace_back(key, ValueOf(entry));
      }
    } else if (Contains(kLaterSettings, key)) {
      NotImplemented(entry, diagnostics);
      is_fine = false;
    } else if (!TakeHint(entry, HintPlace::kDeclaration, spec, diagnostics)) {
      UnknownSetting(entry, "`" + contract->name + "`", known, diagnostics);
      is_fine = false;
    } else {
      NoteIdleHint(entry.key, "a function", true, diagnostics);
    }
  }
  for (const SettingContract& setting : contract->settings) {
    const auto is_set = [&](const ast::Entry& e) { return e.key.text == setting.name; };
    if (setting.required &&
        std::none_of(decl.block.entries.begin(), decl.block.entries.end(), is_set)) {
      diagnostics.Add(
          DiagnosticKind::kBadSetting, decl.name.range,
          "`" + contract->name + "` needs the setting `" + setting.name + "`: " + setting.doc);
      is_fine = false;
    }
  }
  if (!is_fine) return std::nullopt;
  return spec;
}

}  // namespace raceway::compiler
