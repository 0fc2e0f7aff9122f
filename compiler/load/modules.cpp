#include "compiler/load/modules.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <variant>

#include "compiler/load/libraries.h"
#include "compiler/load/sidecars.h"
#include "dsl/ast.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::ast::ImportDecl;

constexpr size_t kMaxFiles = 1000;

std::string FolderOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

class Loader {
 public:
  Loader(dsl::SourceSet& sources, Files& files, dsl::Diagnostics& diagnostics)
      : sources_(sources), files_(files), diagnostics_(diagnostics) {}

  Modules Run(dsl::ParseResult parsed) {
    Module main;
    main.path = std::filesystem::path(sources_.main().name()).filename().string();
    main.parsed = std::move(parsed);
    // So that a file that imports the main one is known to close a cycle.
    const bool has_imports = std::any_of(
        main.parsed.file.items.begin(), main.parsed.file.items.end(),
        [](const dsl::ast::Item& item) { return std::holds_alternative<ImportDecl>(item); });
    engine::Result<FileText> self = has_imports ? files_.Read(main.path) : FileText{};
    Load(std::move(main), self.ok() ? self->identity : "");
    return std::move(loaded_);
  }

 private:
  /// A file whose imports are being read, and by which place in it the next one is.
  struct UnderWay {
    std::string path;
    std::string identity;
    dsl::SourceRange import;
  };

  /// Its number, once all it imports has one.
  size_t Load(Module module, const std::string& identity) {
    module.sidecars = ReadSidecars(module.parsed.file, module.folder, files_);
    module.libraries = ReadLibraries(module.parsed.file, module.folder, files_);
    under_way_.push_back({module.path, identity, {}});
    for (const dsl::ast::Item& item : module.parsed.file.items) {
      const auto* decl = std::get_if<ImportDecl>(&item);
      if (decl == nullptr) continue;
      under_way_.back().import = decl->from_range;
      module.imports.push_back(Import(*decl, module));
    }
    under_way_.pop_back();
    loaded_.all.push_back(std::move(module));
    numbers_[identity] = loaded_.all.size() - 1;
    return loaded_.all.size() - 1;
  }

  std::optional<size_t> Import(const ImportDecl& decl, const Module& from) {
    if (!CheckPath(decl)) return std::nullopt;
    const std::string path =
        std::filesystem::path(PathIn(from.folder, decl.from)).lexically_normal().string();
    engine::Result<FileText> read = files_.Read(path);
    if (!read.ok()) {
      return Refuse(decl, read.error().message, "paths are relative to the folder of this file");
    }
    if (const auto known = numbers_.find(read->identity); known != numbers_.end()) {
      return known->second;
    }
    if (ReportCycle(decl, path, read->identity)) return std::nullopt;
    if (sources_.size() >= kMaxFiles) {
      return Refuse(decl, "more than " + std::to_string(kMaxFiles) + " files are imported", "");
    }
    const std::string folder = FolderOf(sources_.main().name());
    const dsl::Source& source =
        sources_.Add({PathIn(folder, path), std::move(read->text), sources_.NextBase()});
    Module module{path, FolderOf(path), dsl::Parse(source), std::move(read->file), {}, {}, {}};
    diagnostics_.Append(module.parsed.diagnostics);
    return Load(std::move(module), read->identity);
  }

  std::nullopt_t Refuse(const ImportDecl& decl, std::string message, std::string help) {
    diagnostics_.Add(DiagnosticKind::kBadImport, decl.from_range, std::move(message)).help =
        std::move(help);
    return std::nullopt;
  }

  bool CheckPath(const ImportDecl& decl) {
    if (decl.from.empty() || decl.from.find('\0') != std::string::npos) {
      Refuse(decl, "an import names a file", "import { a } from \"lib/x.flow\"");
    } else if (decl.from.find("://") != std::string::npos) {
      Refuse(decl, "an import is a file, never something on a network",
             "copy the file to where this one is");
    } else if (std::filesystem::path(decl.from).is_absolute()) {
      Refuse(decl, "the path of an import is relative to the folder of this file",
             "a flow with absolute paths works on one machine only");
    } else {
      return true;
    }
    return false;
  }

  /// "a.flow → b.flow → a.flow"
  bool ReportCycle(const ImportDecl& decl, const std::string& path, const std::string& identity) {
    const auto first =
        std::find_if(under_way_.begin(), under_way_.end(),
                     [&](const UnderWay& file) { return file.identity == identity; });
    if (first == under_way_.end()) return false;
    std::string cycle;
    for (auto file = first; file != under_way_.end(); ++file) cycle += file->path + " → ";
    dsl::Diagnostic& diagnostic =
        diagnostics_.Add(DiagnosticKind::kImportCycle, decl.from_range,
                         "`" + first->path + "` imports itself: " + cycle + first->path);
    for (auto file = first; file + 1 != under_way_.end(); ++file) {
      diagnostic.notes.push_back(
          {file->import, "`" + file->path + "` imports `" + (file + 1)->path + "`"});
    }
    diagnostic.help = "put what both need into a third file";
    if (path != first->path) diagnostic.help += " (`" + path + "` is `" + first->path + "`)";
    return true;
  }

  dsl::SourceSet& sources_;
  Files& files_;
  dsl::Diagnostics& diagnostics_;
  Modules loaded_;
  std::map<std::string, size_t> numbers_;  // by identity
  std::vector<UnderWay> under_way_;        // from the main file on
};

}  // namespace

Modules LoadModules(dsl::ParseResult parsed, dsl::SourceSet& sources, Files& files,
                    dsl::Diagnostics& diagnostics) {
  return Loader(sources, files, diagnostics).Run(std::move(parsed));
}

std::string PathIn(const std::string& folder, const std::string& path) {
  if (folder.empty() || std::filesystem::path(path).is_absolute()) return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

}  // namespace raceway::compiler
