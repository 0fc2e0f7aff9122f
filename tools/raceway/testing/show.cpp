#include "tools/raceway/testing/show.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "dsl/literal.h"
#include "dsl/print.h"
#include "engine/data/time_text.h"

namespace raceway::tools {
namespace {

using dsl::ast::Expr;
using engine::Value;

constexpr size_t kMaxItems = 8;
constexpr size_t kMaxText = 120;
constexpr size_t kMaxLines = 20;

/// "25.3ms": exact, in the largest unit of a second or less that it is one of at least.
std::string DurationText(uint64_t nanoseconds) {
  constexpr std::array<std::pair<int, std::string_view>, 3> kUnits = {
      {{9, "s"}, {6, "ms"}, {3, "us"}}};
  if (nanoseconds == 0) return "0s";
  std::string digits = std::to_string(nanoseconds);
  for (const auto& [num_decimals, unit] : kUnits) {
    if (digits.size() <= static_cast<size_t>(num_decimals)) continue;
    digits.insert(digits.size() - static_cast<size_t>(num_decimals), ".");
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
    return digits + std::string(unit);
  }
  return digits + "ns";
}

std::string TextOf(const std::string& text) {
  if (dsl::FindInvalidUtf8(text) || text.find('\0') != std::string::npos) {
    return "<" + std::to_string(text.size()) + " bytes>";
  }
  if (text.size() <= kMaxText) return ToString(Value(text));
  size_t end = kMaxText;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return ToString(Value(text.substr(0, end))) + "… " + std::to_string(text.size()) + " bytes";
}

/// A record that stands for one value.
bool IsScalar(const Value& value) {
  return NanosecondsOf(value) != nullptr || IsTimestamp(value) || IsLargeInteger(value);
}

bool IsTable(const Value& value) {
  const Value::List* list = value.AsList();
  return list != nullptr &&
         (list->empty() || (list->front().AsRecord() != nullptr && !IsScalar(list->front())));
}

/// Whether it can stand in a test as it is.
bool CanBeWritten(const Value& value) {
  if (value.AsInt() == nullptr && value.AsNumber()) return std::isfinite(*value.AsNumber());
  if (const std::string* text = value.AsString()) {
    return !dsl::FindInvalidUtf8(*text) && text->find('\0') == std::string::npos &&
           text->size() <= 1000;
  }
  if (const Value::List* list = value.AsList()) {
    return list->size() <= 64 && std::all_of(list->begin(), list->end(), CanBeWritten);
  }
  return true;
}

bool IsName(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

std::string Written(const Value& value) {
  if (IsTimestamp(value)) {
    return "\"" + engine::TimeText(*TimestampOf(value), engine::DataType::kTimestamp) + "\"";
  }
  if (const int64_t* nanoseconds = NanosecondsOf(value)) {
    const auto bits = static_cast<uint64_t>(*nanoseconds);
    return *nanoseconds < 0 ? "-" + DurationText(0 - bits) : DurationText(bits);
  }
  if (IsLargeInteger(value)) return std::to_string(static_cast<uint64_t>(*IntegerOf(value)));
  return ToString(value);
}

// --- differences ---

class Differences {
 public:
  std::vector<std::string> Take() {
    if (num_left_out_ > 0) lines_.push_back("and " + std::to_string(num_left_out_) + " more");
    return std::move(lines_);
  }

  void Tables(const Value::List& found, const Value::List& expected) {
    if (found.size() != expected.size()) {
      Add(std::to_string(found.size()) + (found.size() == 1 ? " row" : " rows") + ", expected " +
          std::to_string(expected.size()));
    }
    for (size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
      const std::string row = "row " + std::to_string(i);
      if (i >= found.size()) {
        Add(row + " is missing: " + Show(expected[i]));
      } else if (i >= expected.size()) {
        Add(row + " is too much: " + Show(found[i]));
      } else {
        Rows(row + ": ", found[i], expected[i]);
      }
    }
  }

  void Rows(const std::string& where, const Value& found, const Value& expected) {
    for (const auto& [name, value] : *found.AsRecord()) {
      const Value* wanted = expected.Find(name);
      Cells(where + "`" + name + "` ", value, wanted != nullptr ? *wanted : Value());
    }
  }

 private:
  void Add(std::string line) {
    if (lines_.size() < kMaxLines) {
      lines_.push_back(std::move(line));
    } else {
      ++num_left_out_;
    }
  }

  void Cells(const std::string& where, const Value& found, const Value& expected) {
    if (AreEqual(found, expected)) return;
    const Value::List* a = found.AsList();
    const Value::List* b = expected.AsList();
    if (a == nullptr || b == nullptr || a->size() != b->size() || a->size() <= kMaxItems) {
      return Add(where + "is " + Show(found) + ", expected " + Show(expected));
    }
    size_t first = a->size();
    size_t count = 0;
    for (size_t i = 0; i < a->size(); ++i) {
      if (AreEqual((*a)[i], (*b)[i])) continue;
      first = std::min(first, i);
      ++count;
    }
    Add(where + "at " + std::to_string(first) + " is " + Show((*a)[first]) + ", expected " +
        Show((*b)[first]) + " (" + std::to_string(count) + " of " + std::to_string(a->size()) +
        " elements differ)");
  }

  std::vector<std::string> lines_;
  size_t num_left_out_ = 0;
};

// --- parts ---

void CollectParts(const Expr& expr, std::vector<const Expr*>& parts) {
  switch (expr.kind) {
    case Expr::Kind::kName:
    case Expr::Kind::kMember:
    case Expr::Kind::kIndex: parts.push_back(&expr); break;
    case Expr::Kind::kCall: {
      const std::string& name = expr.children.front().text;
      const bool is_literal = name == "zeros" || name == "one_hot" || name == "file";
      if (!is_literal) parts.push_back(&expr);
      break;
    }
    default:
      for (const Expr& child : expr.children) CollectParts(child, parts);
  }
}

bool Holds(const Expr& condition, const TestNames& names) {
  const engine::Result<Value> value = Evaluate(condition, names);
  return value.ok() && value->AsBool() != nullptr && *value->AsBool();
}

}  // namespace

std::string Show(const Value& value) {
  if (IsScalar(value)) return Written(value);
  if (const std::string* text = value.AsString()) return TextOf(*text);
  if (const Value::List* list = value.AsList()) {
    std::string text = "[";
    for (size_t i = 0; i < std::min(list->size(), kMaxItems); ++i) {
      text += (i == 0 ? "" : ", ") + Show((*list)[i]);
    }
    if (list->size() > kMaxItems) text += ", … " + std::to_string(list->size()) + " in all";
    return text + "]";
  }
  if (const Value::Record* record = value.AsRecord()) {
    std::string text = "{";
    for (const auto& [name, item] : *record) {
      text += (text.size() == 1 ? " " : ", ") + name + ": " + Show(item);
    }
    return text + " }";
  }
  return ToString(value);
}

std::optional<std::string> ShowRows(const Value& table) {
  if (!IsTable(table)) return std::nullopt;
  std::string text = "[";
  const Value::List& rows = *table.AsList();
  for (const Value& row : rows) {
    std::string line = "{";
    for (const auto& [name, value] : *row.AsRecord()) {
      if (!IsName(name) || !CanBeWritten(value)) return std::nullopt;
      line += (line.size() == 1 ? " " : ", ") + name + ": " + Written(value);
    }
    line += " }";
    text += rows.size() == 1 ? line : "\n    " + line + ",";
  }
  return text + (rows.size() > 1 ? "\n  ]" : "]");
}

const Expr& Culprit(const Expr& condition, const TestNames& names) {
  const bool is_and = condition.kind == Expr::Kind::kBinary && condition.text == "and";
  if (!is_and) return condition;
  return Culprit(condition.children[Holds(condition.children[0], names) ? 1 : 0], names);
}

std::vector<std::pair<std::string, std::string>> PartsOf(const Expr& condition,
                                                         const TestNames& names) {
  std::vector<const Expr*> parts;
  CollectParts(condition, parts);
  std::vector<std::pair<std::string, std::string>> shown;
  for (const Expr* part : parts) {
    const engine::Result<Value> value = Evaluate(*part, names);
    std::pair<std::string, std::string> line(
        dsl::PrintExpr(*part), value.ok() ? Show(*value) : "— " + value.error().message);
    if (std::find(shown.begin(), shown.end(), line) == shown.end()) {
      shown.push_back(std::move(line));
    }
  }
  return shown;
}

std::vector<std::string> DifferencesOf(const Value& found, const Value& expected) {
  Differences differences;
  const bool are_rows =
      found.AsRecord() != nullptr && expected.AsRecord() != nullptr && !IsScalar(found);
  if (are_rows) differences.Rows("", found, expected);
  if (IsTable(found) && IsTable(expected)) {
    differences.Tables(*found.AsList(), *expected.AsList());
  }
  return differences.Take();
}

}  // namespace raceway::tools
