#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace raceway::engine {

/// A constant of a plan: an option of an operator, a literal of an expression.
class Value {
 public:
  using List = std::vector<Value>;
  using Record = std::vector<std::pair<std::string, Value>>;  // in the order written

  Value() = default;                                        // null
  Value(bool value) : state_(value) {}                      // NOLINT: implicit
  Value(int64_t value) : state_(value) {}                   // NOLINT: implicit
  Value(double value) : state_(value) {}                    // NOLINT: implicit
  Value(std::string value) : state_(std::move(value)) {}    // NOLINT: implicit
  Value(const char* value) : state_(std::string(value)) {}  // NOLINT: implicit
  Value(List value) : state_(std::move(value)) {}           // NOLINT: implicit
  Value(Record value) : state_(std::move(value)) {}         // NOLINT: implicit

  bool is_null() const { return std::holds_alternative<std::monostate>(state_); }
  const bool* AsBool() const { return std::get_if<bool>(&state_); }
  const int64_t* AsInt() const { return std::get_if<int64_t>(&state_); }
  /// Of an integer too.
  std::optional<double> AsNumber() const;
  const std::string* AsString() const { return std::get_if<std::string>(&state_); }
  const List* AsList() const { return std::get_if<List>(&state_); }
  const Record* AsRecord() const { return std::get_if<Record>(&state_); }
  Record* AsRecord() { return std::get_if<Record>(&state_); }

  /// The member of a record, or null.
  const Value* Find(std::string_view key) const;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Record> state_;
};

/// As in a flow: `[0.5, "a", { k: 1 }]`. Floats are printed so that they read back bit-equal and
/// always as floats (`1.0`).
std::string ToString(const Value& value);

}  // namespace raceway::engine
