// `raceway store`: fills folders of rows, and looks in.
#include "tools/raceway/store_request.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "dsl/diagnostic.h"
#include "tools/raceway/command.h"
#include "tools/raceway/engine_library.h"

namespace raceway::tools {
namespace {

int Ask(const StoreRequest& request) {
  auto* store = reinterpret_cast<StoreFunction*>(EngineFunction(kStoreFunction));
  return store == nullptr ? kMachineLacks : store(request);
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

/// "user: string" of "user: string, taste: f32[2, 512]", and so on: commas in brackets do not part.
std::vector<std::string> SplitFields(const std::string& text) {
  std::vector<std::string> fields(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

/// Null, and said, for text that is no schema.
std::optional<engine::Schema> ParseSchema(const std::string& text) {
  std::vector<engine::Field> fields;
  for (const std::string& part : SplitFields(text)) {
    const size_t colon = part.find(':');
    const std::string name = Trimmed(part.substr(0, colon));
    const std::optional<engine::Type> type =
        colon == std::string::npos ? std::nullopt
                                   : engine::TypeFromString(Trimmed(part.substr(colon + 1)));
    if (!type || name.empty()) {
      Fail(kUsage,
           "--schema wants the key and columns, as `user: string, taste: f32[512]`; this is "
           "`" +
               Trimmed(part) + "`");
      return std::nullopt;
    }
    const bool is_twice =
        std::any_of(fields.begin(), fields.end(),
                    [&](const engine::Field& field) { return field.name == name; });
    if (is_twice) return Fail(kUsage, "--schema has `" + name + "` twice"), std::nullopt;
    fields.push_back({name, *type});
  }
  return engine::Schema(std::move(fields));
}

/// Folder and schema of a store that a flow declares; an exit code after a mistake.
int FromFlow(const StoreLoadOptions& options, StoreRequest& request) {
  int exit_code = kFine;
  const std::optional<LoadedFlow> loaded = LoadFlow(options.flow, Need::kCheck, exit_code);
  if (!loaded) return exit_code;
  const std::vector<compiler::DeclaredStore>& stores = loaded->result.stores;
  const auto store = std::find_if(stores.begin(), stores.end(),
                                  [&](const auto& one) { return one.name == options.store; });
  if (store == stores.end()) {
    PrintDiagnostics(loaded->result.diagnostics, loaded->result.sources, false);
    if (loaded->result.diagnostics.has_errors()) return kFlowIsWrong;
    std::vector<std::string> known;
    known.reserve(stores.size());
    for (const auto& one : stores) known.push_back(one.name);
    const std::string hint = dsl::DidYouMeanText(options.store, known);
    return Fail(kUsage, options.flow.file + " has no store `" + options.store + "`" +
                            (hint.empty() ? "" : "; " + hint));
  }
  if (store->kind != "rocksdb") {
    return Fail(kUsage, "`" + options.store + "` is a store of kind `" + store->kind +
                            "`, which is read from its file as it is; `store load` fills those of "
                            "`rocksdb: \"folder\"`");
  }
  request.schema = store->schema;
  const std::filesystem::path flow = options.flow.file;
  if (request.folder.empty()) request.folder = (flow.parent_path() / store->source).string();
  return kFine;
}

}  // namespace

int RunStoreLoad(const StoreLoadOptions& options) {
  StoreRequest request{.kind = StoreRequest::Kind::kLoad,
                       .folder = options.dir,
                       .schema = {},
                       .rows = options.rows,
                       .key = "",
                       .json = options.flow.json};
  if (options.flow.file.empty()) {
    if (options.dir.empty() || options.schema.empty()) {
      return Fail(kUsage, "which store? FLOW STORE, or --dir DIR --schema 'NAME: TYPE, …'");
    }
    const std::optional<engine::Schema> schema = ParseSchema(options.schema);
    if (!schema) return kUsage;
    request.schema = *schema;
    return Ask(request);
  }
  if (options.store.empty()) return Fail(kUsage, "which store of " + options.flow.file + "?");
  if (!options.schema.empty())
    return Fail(kUsage, "--schema is in place of a flow, not beside one");
  const int found = FromFlow(options, request);
  return found == kFine ? Ask(request) : found;
}

int RunStoreGet(const StoreReadOptions& options) {
  return Ask({.kind = StoreRequest::Kind::kGet,
              .folder = options.dir,
              .schema = {},
              .rows = "",
              .key = options.key,
              .json = options.json});
}

int RunStoreStats(const StoreReadOptions& options) {
  return Ask({.kind = StoreRequest::Kind::kStats,
              .folder = options.dir,
              .schema = {},
              .rows = "",
              .key = "",
              .json = options.json});
}

}  // namespace raceway::tools
