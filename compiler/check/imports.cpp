#include "compiler/check/imports.h"

#include <algorithm>
#include <set>
#include <variant>

#include "compiler/load/mentions.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;

bool IsPrivate(std::string_view name) { return name.starts_with('_'); }

/// Names that the file declares itself or imports more than once.
std::set<std::string> NamesTwice(const ast::File& file) {
  std::set<std::string> once, twice;
  const auto see = [&](const std::string& name) {
    if (!once.insert(name).second) twice.insert(name);
  };
  for (const ast::Item& item : file.items) {
    const auto see_all = [&](const auto& decl) {
      if constexpr (requires { decl.name.text; }) see(decl.name.text);
      if constexpr (requires { decl.names; }) {
        for (const ast::Name& name : decl.names) see(name.text);
      }
    };
    std::visit(see_all, item);
  }
  return twice;
}

/// One `import` and the file it names.
class Import {
 public:
  Import(const ast::ImportDecl& decl, Declarations* from, Declarations& out,
         dsl::Diagnostics& diagnostics)
      : decl_(decl), from_(from), out_(out), diagnostics_(diagnostics) {}

  void Bring() {
    for (const ast::Name& name : decl_.names) {
      // Taken by another, which is reported.
      if (out_.names.at(name.text) != name.range) continue;
      if (from_ == nullptr) {
        out_.broken.push_back(name.text);
      } else if (decl_.braces) {
        BringOne(name);
      } else {
        BringAll(name.text + ".");
      }
    }
  }

  /// One mistake, one message: what is wrong in another way is not also unused.
  void WarnOfUnused(const std::set<std::string>& mentioned, const std::set<std::string>& twice) {
    for (const ast::Name& name : decl_.names) {
      if (mentioned.contains(name.text) || twice.contains(name.text)) continue;
      if (out_.IsBroken(name.text)) continue;
      diagnostics_.Add(DiagnosticKind::kUnusedImport, name.range,
                       "`" + name.text + "` is imported and never used");
    }
  }

 private:
  void BringAll(const std::string& prefix) {
    for (const std::string& name : from_->own) {
      if (!IsPrivate(name)) Take(name, prefix + name);
    }
    for (const std::string& name : from_->broken) out_.broken.push_back(prefix + name);
  }

  void BringOne(const ast::Name& name) {
    const std::vector<std::string>& own = from_->own;
    const bool is_there = std::find(own.begin(), own.end(), name.text) != own.end();
    if (is_there && !IsPrivate(name.text)) return Take(name.text, name.text);
    out_.broken.push_back(name.text);
    // What the parser lost would have been there.
    if (!is_there && from_->IsBroken(name.text)) return;
    dsl::Diagnostic& diagnostic =
        diagnostics_.Add(DiagnosticKind::kUnknownImport, name.range,
                         is_there ? "`" + name.text + "` is private to \"" + decl_.from + "\""
                                  : "\"" + decl_.from + "\" has no `" + name.text + "`");
    if (is_there) {
      diagnostic.notes.push_back(
          {from_->names.at(name.text), "a name with `_` in front stays here"});
      return;
    }
    std::vector<std::string> known;
    std::copy_if(own.begin(), own.end(), std::back_inserter(known),
                 [](const std::string& other) { return !IsPrivate(other); });
    diagnostic.help = known.empty() ? "the file declares nothing" : Suggest(name.text, known);
    if (from_->names.contains(name.text)) {
      diagnostic.notes.push_back({from_->names.at(name.text), "it comes from elsewhere"});
      diagnostic.help = "import it from where it is declared";
    }
  }

  void Take(const std::string& name, const std::string& as) {
    if (from_->IsBroken(name)) out_.broken.push_back(as);
    if (const auto found = from_->params.find(name); found != from_->params.end()) {
      out_.params[as] = found->second;
    }
    if (const auto found = from_->schemas.find(name); found != from_->schemas.end()) {
      out_.schemas[as] = found->second;
    }
    if (const auto found = from_->functions.find(name); found != from_->functions.end()) {
      out_.functions[as] = found->second;
      out_.functions[as].spec.name = as;  // as messages here call it
    }
    if (const auto found = from_->stores.find(name); found != from_->stores.end()) {
      out_.stores[as] = found->second;
      out_.stores[as].spec.name = as;
    }
    if (const auto found = from_->flows.find(name); found != from_->flows.end()) {
      out_.imported_flows[as] = &found->second;
    }
  }

  const ast::ImportDecl& decl_;
  Declarations* from_;
  Declarations& out_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

void BringImports(const ast::File& file, const std::vector<Declarations*>& imports,
                  Declarations& out, dsl::Diagnostics& diagnostics) {
  if (imports.empty()) return;
  const std::set<std::string> mentioned = NamesMentioned(file);
  const std::set<std::string> twice = NamesTwice(file);
  const bool may_be_unused = out.broken.empty();  // an item that the parser lost may use anything
  size_t number = 0;
  for (const ast::Item& item : file.items) {
    const auto* decl = std::get_if<ast::ImportDecl>(&item);
    if (decl == nullptr) continue;
    Import import(*decl, imports[number++], out, diagnostics);
    import.Bring();
    if (may_be_unused) import.WarnOfUnused(mentioned, twice);
  }
}

}  // namespace raceway::compiler
