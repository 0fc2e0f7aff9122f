#include "compiler/check/declarations.h"

#include <algorithm>
#include <variant>

#include "compiler/check/flow_steps.h"
#include "compiler/check/functions.h"
#include "compiler/check/imports.h"
#include "compiler/check/model_settings.h"
#include "compiler/check/model_signature.h"
#include "compiler/check/param_values.h"
#include "compiler/check/row_types.h"
#include "compiler/check/stores.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using engine::Type;
using engine::Value;

class Declarer {
 public:
  Declarer(const Module& module, const DeclareOptions& options, Declarations& out,
           dsl::Diagnostics& diagnostics)
      : file_(module.parsed.file),
        folder_(module.folder),
        sidecars_(module.sidecars),
        libraries_(module.libraries),
        options_(options),
        out_(out),
        diagnostics_(diagnostics),
        types_(out, diagnostics) {}

  void Run(const std::vector<std::string>& lost_names) {
    out_.broken = lost_names;
    for (const ast::Item& item : file_.items) std::visit([&](const auto& d) { Name(d); }, item);
    BringImports(file_, options_.imports, out_, diagnostics_);
    // Each kind may use those before it: dimensions name parameters, flows name schemas.
    Each<ast::ParamDecl>([&](const auto& d) { Declare(d); });
    Each<ast::SchemaDecl>([&](const auto& d) { Declare(d); });
    Each<ast::StoreDecl>([&](const auto& d) { Declare(d); });
    Each<ast::ModelDecl>([&](const auto& d) { Declare(d); });
    ReportLibraries(file_, libraries_, diagnostics_);
    Each<ast::FnDecl>([&](const auto& d) { Declare(d); });
    Each<ast::FlowDecl>([&](const auto& d) { Declare(d); });
    CheckHintNames(out_, diagnostics_);
  }

 private:
  template <typename Decl, typename Function>
  void Each(Function function) {
    for (const ast::Item& item : file_.items) {
      const Decl* decl = std::get_if<Decl>(&item);
      // A second declaration of a name was reported; the first one counts.
      if (decl != nullptr && out_.names.at(decl->name.text) == decl->name.range) function(*decl);
    }
  }

  // --- names ---

  template <typename Decl>
  void Name(const Decl& decl) {
    if (AddName(decl.name)) out_.own.push_back(decl.name.text);
  }
  void Name(const ast::ImportDecl& decl) {
    for (const ast::Name& name : decl.names) AddName(name);
  }
  void Name(const ast::DefaultsDecl& decl) {
    if (defaults_ != nullptr) {
      diagnostics_.Add(DiagnosticKind::kDuplicateName, decl.range, "`defaults` come once in a file")
          .notes.push_back({defaults_->range, "first here"});
      return;
    }
    defaults_ = &decl;
    out_.hints.defaults = CheckHints(decl.block, HintPlace::kDefaults, diagnostics_);
  }
  void Name(const ast::TestDecl& /*decl*/) {}  // its title is no name

  bool AddName(const ast::Name& name) {
    const auto [entry, is_new] = out_.names.try_emplace(name.text, name.range);
    if (is_new) return true;
    dsl::Diagnostic& diagnostic = diagnostics_.Add(DiagnosticKind::kDuplicateName, name.range,
                                                   "`" + name.text + "` is declared twice");
    diagnostic.notes.push_back({entry->second, "first here"});
    diagnostic.help = "all that a file declares or imports needs names of its own";
    return false;
  }

  // --- declarations ---

  void Declare(const ast::ParamDecl& decl) {
    const std::optional<Type> type = types_.Resolve(decl.type);
    const bool is_optional = type && RefuseOptional(*type, decl.type.range, "a parameter has");
    std::optional<Value> value;
    if (type && !is_optional) {
      value = ValueOfParam(decl, *type, options_.params, out_.is_badly_set, diagnostics_);
    }
    if (!value) return out_.broken.push_back(decl.name.text);
    out_.params[decl.name.text] = {decl.range, *type, *std::move(value)};
  }

  /// Rows of a request may lack columns; what a function takes and gives is always there.
  bool RefuseDefaults(const std::vector<ast::Column>& columns) {
    bool has_some = false;
    for (const ast::Column& column : columns) {
      if (column.default_value.empty()) continue;
      diagnostics_
          .Add(DiagnosticKind::kTypeMismatch, column.default_value.front().range,
               "`" + column.name.text + "` has a default, and only columns of tables may")
          .help = "take it out, or `derive(" + column.name.text + " = …)` before";
      has_some = true;
    }
    return has_some;
  }

  void Declare(const ast::SchemaDecl& decl) {
    std::optional<RowType> rows = types_.ResolveRecord(decl.record);
    if (!rows) return out_.broken.push_back(decl.name.text);
    out_.schemas[decl.name.text] = *std::move(rows);
  }

  /// `...` in a result is what the parameters have in its place.
  bool CheckOpenRank(const std::vector<DeclaredColumn>& params,
                     const std::vector<DeclaredColumn>& results) {
    const auto is_open = [](const DeclaredColumn& column) {
      return !column.type.shape.empty() && IsAnyRank(column.type.shape.front());
    };
    const auto open = std::find_if(results.begin(), results.end(), is_open);
    if (open == results.end() || std::any_of(params.begin(), params.end(), is_open)) return true;
    diagnostics_.Add(DiagnosticKind::kTypeMismatch, open->range,
                     "`...` stands in a result but in no parameter");
    return false;
  }

  /// Whether the type has a `?` where there must be a value, which is reported.
  bool RefuseOptional(const Type& type, SourceRange where, const std::string& who) {
    if (!type.optional) return false;
    diagnostics_
        .Add(DiagnosticKind::kTypeMismatch, where,
             who + " a value always, this is " + ToString(type))
        .help = "take the `?` out; flows and stores may have columns without a value";
    return true;
  }

  bool RefuseOptional(const std::vector<DeclaredColumn>& columns, const std::string& who) {
    bool is_fine = true;
    for (const DeclaredColumn& column : columns) {
      is_fine &= !RefuseOptional(column.type, column.range, who);
    }
    return !is_fine;
  }

  /// `(a: T) -> (b: U)` of a function of columns.
  bool ResolveSignature(const ast::Signature& signature, const ast::Name& name,
                        RowFunction& function) {
    const bool has_defaults = RefuseDefaults(signature.params);
    if (RefuseDefaults(signature.results) || has_defaults) return false;
    auto params = types_.ResolveColumns(signature.params);
    auto results = types_.ResolveColumns(signature.results);
    if (!params || !results) return false;
    if (signature.results.empty()) {
      diagnostics_
          .Add(DiagnosticKind::kTypeMismatch, signature.range, "`" + name.text + "` has no results")
          .help = "write them as named columns: `-> (name: type)`";
      return false;
    }
    const bool takes_null = RefuseOptional(*params, "`" + name.text + "` takes");
    if (RefuseOptional(*results, "`" + name.text + "` gives") || takes_null) return false;
    if (!CheckOpenRank(*params, *results)) return false;
    function.name_range = name.range;
    function.params = *std::move(params);
    function.results = *std::move(results);
    return true;
  }

  void Declare(const ast::StoreDecl& decl) {
    std::optional<Store> store = ResolveStore(decl);
    if (!store) return out_.broken.push_back(decl.name.text);
    out_.stores[decl.name.text] = *std::move(store);
  }

  /// `(key: T) -> (a: U, …) { rows: "file.jsonl" }`
  std::optional<Store> ResolveStore(const ast::StoreDecl& decl) {
    std::vector<ast::Column> all = decl.signature.params;
    all.insert(all.end(), decl.signature.results.begin(), decl.signature.results.end());
    if (RefuseDefaults(all)) return std::nullopt;
    std::optional<std::vector<DeclaredColumn>> columns = types_.ResolveColumns(all);
    std::optional<FunctionSpec> spec = StoreSettings(decl, diagnostics_);
    if (!columns || !spec) return std::nullopt;
    if (decl.signature.params.size() != 1 || decl.signature.results.empty()) {
      diagnostics_
          .Add(DiagnosticKind::kBadArguments, decl.signature.range,
               "a store has one key and columns for it")
          .help = "store " + decl.name.text + "(user: string) -> (taste: f32[512]) { … }";
      return std::nullopt;
    }
    Store store{*std::move(spec), columns->front(), {columns->begin() + 1, columns->end()}};
    store.spec.source = PathIn(folder_, store.spec.source);
    if (!CheckStoreColumns(store.key, store.results, store.spec, diagnostics_) ||
        !CheckTop(decl, store.results, out_.params, diagnostics_)) {
      return std::nullopt;
    }
    return store;
  }

  void Declare(const ast::ModelDecl& decl) {
    RowFunction function;
    bool is_fine = true;
    if (decl.signature) is_fine = ResolveSignature(*decl.signature, decl.name, function);
    std::optional<FunctionSpec> spec = ModelSpec(decl, diagnostics_);
    if (spec && !decl.signature) {
      is_fine = TakeSidecar(decl, *spec, sidecars_, function, diagnostics_);
    }
    if (!is_fine || !spec) return out_.broken.push_back(decl.name.text);
    WarnOfBytes(function, decl.name.text);
    if (!ResolvePadding(decl, function, *spec, diagnostics_)) {
      return out_.broken.push_back(decl.name.text);
    }
    function.spec = *std::move(spec);
    function.spec.source = PathIn(folder_, function.spec.source);
    FilesIn(folder_, function.spec);
    out_.functions[decl.name.text] = std::move(function);
  }

  void WarnOfBytes(const RowFunction& model, const std::string& name) {
    for (const auto* columns : {&model.params, &model.results}) {
      for (const DeclaredColumn& column : *columns) {
        if (column.type.dtype != engine::DataType::kBytes) continue;
        diagnostics_
            .Add(DiagnosticKind::kRunsInTestsOnly, column.range,
                 "models have no bytes; flows that call `" + name +
                     "` run only in tests, where a stub answers")
            .help = "models take and give numbers, tensors of numbers and strings";
        return;
      }
    }
  }

  void Declare(const ast::FnDecl& decl) {
    RowFunction function;
    if (!ResolveSignature(decl.signature, decl.name, function)) {
      return out_.broken.push_back(decl.name.text);
    }
    std::optional<FunctionSpec> spec = NativeSpec(decl, function.params, function.results,
                                                  options_.catalog, libraries_, diagnostics_);
    if (!spec) return out_.broken.push_back(decl.name.text);
    function.spec = *std::move(spec);
    if (!function.spec.source.empty()) {
      function.spec.source = PathIn(folder_, function.spec.source);
    }
    FilesIn(folder_, function.spec);
    out_.functions[decl.name.text] = std::move(function);
  }

  /// The files that settings name are relative to the folder of the file they stand in.
  static void FilesIn(const std::string& folder, FunctionSpec& spec) {
    for (auto& setting : spec.settings) {
      const auto is_it = [&](const auto& file) { return file.first == setting.first; };
      const std::string* path = setting.second.AsString();
      if (path == nullptr || std::none_of(spec.files.begin(), spec.files.end(), is_it)) continue;
      setting.second = PathIn(folder, *path);
    }
  }

  void CheckHintsOf(const ast::FlowDecl& decl) {
    std::map<int32_t, Hints>& written = out_.hints.written;
    if (decl.with) {
      written[decl.name.range.begin] = CheckHints(*decl.with, HintPlace::kFlow, diagnostics_);
    }
    for (const FlowStep& step : StepsOf(decl)) {
      if (step.with == nullptr) continue;
      Hints hints = CheckHints(*step.with, HintPlace::kStep, diagnostics_);
      if (!step.kind.empty()) {
        written[step.name.begin] = std::move(hints);
        if (MayLoad(step.kind, out_)) continue;
        for (const ast::Entry& entry : step.with->entries) {
          NoteIdleHint(entry.key, "`" + step.kind + "`", MayCall(step.kind, out_), diagnostics_);
        }
        continue;
      }
      diagnostics_
          .Add(DiagnosticKind::kHintNotHonoured, step.name,
               "a table alone does nothing that hints could be for")
          .help = "write `with` behind a step";
    }
  }

  void Declare(const ast::FlowDecl& decl) {
    FlowInfo flow;
    flow.decl = &decl;
    flow.home = &out_;
    out_.flow_order.push_back(decl.name.text);
    CheckHintsOf(decl);
    for (const ast::Column& param : decl.signature.params) {
      std::optional<RowType> rows = types_.ResolveRows(param.type);
      flow.is_broken |= !rows.has_value();
      flow.params.push_back({param.name.text, std::move(rows).value_or(RowType{})});
    }
    if (decl.signature.params.empty()) {
      diagnostics_.Add(DiagnosticKind::kBadArguments, decl.name.range,
                       "flow `" + decl.name.text + "` takes no table");
      flow.is_broken = true;
    }
    flow.is_broken |= !DeclareResults(decl, flow);
    out_.flows[decl.name.text] = std::move(flow);
  }

  /// `-> Schema`, or `-> (a: Schema, b: Schema)`.
  bool DeclareResults(const ast::FlowDecl& decl, FlowInfo& flow) {
    const ast::Signature& signature = decl.signature;
    bool is_fine = true;
    const auto add = [&](const std::string& name, const ast::TypeExpr& type) {
      std::optional<RowType> rows = types_.ResolveRows(type);
      is_fine &= rows.has_value();
      flow.results.push_back({name, std::move(rows).value_or(RowType{})});
      // A default is for rows that come; those that go have every column.
      for (DeclaredColumn& column : flow.results.back().rows.columns) column.default_value.reset();
    };
    if (signature.result_type) add("", *signature.result_type);
    for (const ast::Column& result : signature.results) {
      const auto is_same = [&](const FlowResult& other) { return other.name == result.name.text; };
      if (std::any_of(flow.results.begin(), flow.results.end(), is_same)) {
        diagnostics_.Add(DiagnosticKind::kDuplicateName, result.name.range,
                         "the result `" + result.name.text + "` is there already");
        is_fine = false;
      }
      add(result.name.text, result.type);
    }
    if (!flow.results.empty()) return is_fine;
    diagnostics_
        .Add(DiagnosticKind::kTypeMismatch, decl.name.range,
             "flow `" + decl.name.text + "` does not say what it returns")
        .help = "write `-> Schema` or `-> { column: type }` after its parameters";
    return false;
  }

  const ast::File& file_;
  const std::string& folder_;
  const std::map<std::string, FileText>& sidecars_;
  const Libraries& libraries_;
  const DeclareOptions& options_;
  Declarations& out_;
  dsl::Diagnostics& diagnostics_;
  TypeResolver types_;
  const ast::DefaultsDecl* defaults_ = nullptr;
};

}  // namespace

std::string Suggest(std::string_view wrong, const std::vector<std::string>& known) {
  std::string text = dsl::DidYouMeanText(wrong, known);
  if (!text.empty() || known.empty()) return text;
  for (size_t i = 0; i < known.size(); ++i) {
    text += i == 0                 ? (known.size() == 1 ? "there is `" : "there are `")
            : i + 1 < known.size() ? ", `"
                                   : " and `";
    text += known[i] + "`";
  }
  return text;
}

void Suggest(dsl::Diagnostic& diagnostic, std::string_view wrong,
             const std::vector<std::string>& known) {
  diagnostic.SuggestName(wrong, known);
  diagnostic.help = Suggest(wrong, known);
}

FlowInfo* Declarations::FindFlow(const std::string& name) {
  if (const auto found = flows.find(name); found != flows.end()) return &found->second;
  const auto found = imported_flows.find(name);
  return found == imported_flows.end() ? nullptr : found->second;
}

const FlowInfo* Declarations::FindFlow(const std::string& name) const {
  if (const auto found = flows.find(name); found != flows.end()) return &found->second;
  const auto found = imported_flows.find(name);
  return found == imported_flows.end() ? nullptr : found->second;
}

bool Declarations::HasFlow(const std::string& name) const {
  return flows.contains(name) || imported_flows.contains(name);
}

std::vector<std::string> Declarations::FlowNames() const {
  std::vector<std::string> names;
  for (const auto& [name, flow] : flows) names.push_back(name);
  for (const auto& [name, flow] : imported_flows) names.push_back(name);
  return names;
}

bool Declarations::IsBroken(std::string_view name) const {
  const auto has = [&](std::string_view one) {
    return std::find(broken.begin(), broken.end(), one) != broken.end();
  };
  // `x.f` of a file `x` that could not be read.
  const size_t dot = name.find('.');
  return has(name) || (dot != std::string_view::npos && has(name.substr(0, dot)));
}

std::vector<Declarations*> ImportsOf(const Module& module, const Modules& modules,
                                     std::vector<Declarations>& all) {
  // Of a file that could not be read nothing is known.
  const auto is_lost = [](const dsl::ParseResult& parsed) {
    return parsed.file.items.empty() && parsed.diagnostics.has_errors();
  };
  std::vector<Declarations*> imports;
  for (const std::optional<size_t>& import : module.imports) {
    const bool is_known = import && !is_lost(modules.all[*import].parsed);
    imports.push_back(is_known ? &all[*import] : nullptr);
  }
  return imports;
}

void Declare(const Module& module, const DeclareOptions& options, Declarations& declarations,
             dsl::Diagnostics& diagnostics) {
  Declarer(module, options, declarations, diagnostics).Run(module.parsed.lost_names);
}

}  // namespace raceway::compiler
