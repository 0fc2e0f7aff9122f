#include "operators/plugins/signature.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Field;
using engine::FunctionContract;
using engine::Result;

constexpr std::string_view kSpace = " \t\n";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// `name` or `group.name`.
bool IsFunctionName(std::string_view name) {
  while (true) {
    const size_t dot = name.find('.');
    if (!IsPlainName(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : whole_(Trimmed(text)), rest_(whole_) {}

  Result<FunctionContract> Run() {
    FunctionContract contract;
    const size_t open = rest_.find('(');
    if (open == std::string_view::npos) return Wrong("it is `name(a: f32[N]) -> (b: f32[N])`");
    contract.name = Trimmed(rest_.substr(0, open));
    if (!IsFunctionName(contract.name)) return Wrong("no name `" + contract.name + "`");
    rest_.remove_prefix(open);
    auto params = TakeColumns();
    if (!params) return std::move(params).error();
    rest_ = Trimmed(rest_);
    if (!rest_.starts_with("->")) return Wrong("there is no `->` behind the parameters");
    rest_ = Trimmed(rest_.substr(2));
    auto results = TakeColumns();
    if (!results) return std::move(results).error();
    if (!Trimmed(rest_).empty()) return Wrong("nothing stands behind the results");
    if (results->empty()) return Wrong("it has no results");
    contract.params = *std::move(params);
    contract.results = *std::move(results);
    return contract;
  }

 private:
  Error Wrong(const std::string& message) const {
    return {ErrorCode::kInvalidArgument, "the signature `" + std::string(whole_) + "`: " + message};
  }

  /// `(a: f32, b: u8[H, W])`
  Result<std::vector<Field>> TakeColumns() {
    if (!rest_.starts_with('(')) return Wrong("columns stand in `( )`");
    const size_t close = rest_.find(')');
    if (close == std::string_view::npos) return Wrong("a `)` is missing");
    std::string_view columns = rest_.substr(1, close - 1);
    rest_.remove_prefix(close + 1);
    std::vector<Field> fields;
    while (!Trimmed(columns).empty()) {
      Result<Field> field = ParseColumn(TakeColumn(columns));
      if (!field) return std::move(field).error();
      const auto is_same = [&](const Field& other) { return other.name == field->name; };
      if (std::any_of(fields.begin(), fields.end(), is_same)) {
        return Wrong("`" + field->name + "` is there twice");
      }
      fields.push_back(*std::move(field));
    }
    return fields;
  }

  /// What stands before the next comma that is not in brackets.
  static std::string_view TakeColumn(std::string_view& columns) {
    int depth = 0;
    size_t end = 0;
    for (; end < columns.size(); ++end) {
      depth += columns[end] == '[' ? 1 : columns[end] == ']' ? -1 : 0;
      if (columns[end] == ',' && depth == 0) break;
    }
    const std::string_view column = columns.substr(0, end);
    columns.remove_prefix(std::min(end + 1, columns.size()));
    return column;
  }

  Result<Field> ParseColumn(std::string_view text) const {
    const size_t colon = text.find(':');
    const std::string name(Trimmed(text.substr(0, colon)));
    if (colon == std::string_view::npos || !IsPlainName(name)) {
      return Wrong("`" + std::string(Trimmed(text)) + "` is no `name: type`");
    }
    const std::string_view written = Trimmed(text.substr(colon + 1));
    const std::optional<engine::Type> type = engine::TypeFromString(written);
    if (!type) return Wrong("no type `" + std::string(written) + "`");
    if (type->optional) return Wrong("`" + name + "` has a value always, take the `?` out");
    if (engine::IsText(type->dtype) && !type->is_scalar()) {
      return Wrong("`" + name + "` is a tensor of texts, which libraries do not get");
    }
    for (const engine::Dim& dim : type->shape) {
      if (!dim.is_size() && !IsPlainName(dim.symbol)) {
        return Wrong("the dimension `" + dim.symbol + "` of `" + name +
                     "` is neither a number nor a name");
      }
    }
    return Field{name, *type};
  }

  std::string_view whole_;
  std::string_view rest_;
};

}  // namespace

bool IsPlainName(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Result<FunctionContract> ParseSignature(std::string_view text) { return Parser(text).Run(); }

}  // namespace raceway::operators
