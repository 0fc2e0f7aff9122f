#include "compiler/models/sidecar.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "compiler/check/row_types.h"
#include "dsl/parse.h"

namespace raceway::compiler {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;
using nlohmann::json;

constexpr char kShape[] =
    R"(it holds { "inputs": [{ "name": "x", "type": "f32[8]" }], "outputs": […] })";

Error Wrong(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

/// `schema s { c: text }`, or null if that is none.
std::optional<dsl::ast::Column> ParseColumn(const std::string& text) {
  dsl::ParseResult parsed = dsl::Parse(dsl::Source("sidecar", "schema s { c: " + text + " }"));
  if (parsed.diagnostics.has_errors() || parsed.file.items.size() != 1) return std::nullopt;
  auto* schema = std::get_if<dsl::ast::SchemaDecl>(&parsed.file.items.front());
  if (schema == nullptr || schema->record.columns.size() != 1 || !schema->record.ellipses.empty() ||
      !schema->record.columns.front().default_value.empty()) {
    return std::nullopt;
  }
  return std::move(schema->record.columns.front());
}

Result<engine::Type> TypeOf(const std::string& name, const std::string& text) {
  const std::string what = "the type of `" + name + "`, `" + text + "`: ";
  std::optional<dsl::ast::Column> column = ParseColumn(text);
  if (!column) return Wrong(what + "that is none");
  dsl::ast::TypeExpr rows;
  rows.record.emplace().columns.push_back(*std::move(column));
  dsl::Diagnostics said;
  const std::optional<RowType> resolved = TypeResolver(Declarations(), said).ResolveRows(rows);
  if (resolved) return resolved->columns.front().type;
  const std::vector<dsl::Diagnostic> all = said.Sorted();
  return Wrong(what + (all.empty() ? "that is none" : all.front().message));
}

Result<std::vector<DeclaredColumn>> ColumnsIn(const json& sidecar, const char* key,
                                              dsl::SourceRange where) {
  const auto list = sidecar.find(key);
  if (list == sidecar.end() || !list->is_array() || list->empty()) {
    return Wrong("it has no list `" + std::string(key) + "`; " + kShape);
  }
  std::vector<DeclaredColumn> columns;
  for (const json& entry : *list) {
    const auto text = [&](const char* member) {
      const bool is_there = entry.is_object() && entry.contains(member);
      return is_there && entry[member].is_string() ? entry[member].get<std::string>() : "";
    };
    const std::string name = text("name");
    if (name.empty() || text("type").empty()) {
      return Wrong("each of `" + std::string(key) + R"(` is { "name": "…", "type": "…" })");
    }
    const auto is_same = [&](const DeclaredColumn& other) { return other.name == name; };
    if (std::any_of(columns.begin(), columns.end(), is_same)) {
      return Wrong("`" + name + "` is twice among `" + key + "`");
    }
    Result<engine::Type> type = TypeOf(name, text("type"));
    if (!type.ok()) return std::move(type).error();
    columns.push_back({name, *std::move(type), where});
  }
  return columns;
}

json AsJson(const std::vector<DeclaredColumn>& columns) {
  json list = json::array();
  for (const DeclaredColumn& column : columns) {
    list.push_back({{"name", column.name}, {"type", ToString(column.type)}});
  }
  return list;
}

}  // namespace

std::string SidecarPath(const std::string& source) { return source + ".json"; }

Result<Sidecar> ParseSidecar(const std::string& text, dsl::SourceRange where) {
  const json sidecar = json::parse(text, nullptr, false);
  if (!sidecar.is_object()) return Wrong(std::string("it is no JSON object; ") + kShape);
  Result<std::vector<DeclaredColumn>> params = ColumnsIn(sidecar, "inputs", where);
  if (!params.ok()) return std::move(params).error();
  Result<std::vector<DeclaredColumn>> results = ColumnsIn(sidecar, "outputs", where);
  if (!results.ok()) return std::move(results).error();
  Sidecar read{*std::move(params), *std::move(results), ""};
  if (const auto hash = sidecar.find("sha256"); hash != sidecar.end()) {
    if (!hash->is_string()) return Wrong("`sha256` is no text");
    read.sha256 = hash->get<std::string>();
  }
  return read;
}

std::string SidecarText(const std::vector<DeclaredColumn>& params,
                        const std::vector<DeclaredColumn>& results) {
  return nlohmann::ordered_json{{"inputs", AsJson(params)}, {"outputs", AsJson(results)}}.dump();
}

}  // namespace raceway::compiler
