#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dsl/ast.h"
#include "engine/result.h"
#include "engine/value.h"

/// The values of a test, computed on what came out. A table is a list of records, a tensor a nested
/// list, bytes are a string, a length of time is `Duration`, a point in time `Timestamp`, an
/// integer that no i64 holds `Unsigned`.
namespace raceway::tools {

/// What a test may ask about the flows it ran.
class TestFacts {
 public:
  virtual ~TestFacts() = default;
  virtual int64_t Calls(const std::string& function) const = 0;
  virtual engine::Value Args(const std::string& function) const = 0;  // a row for each call
  virtual int64_t Latency(const std::string& table) const = 0;        // nanoseconds
  /// Why the flow that was to make the table failed, or null.
  virtual engine::Value ErrorOf(const std::string& table) const = 0;
  virtual engine::Result<std::string> File(const std::string& path) const = 0;
};

struct TestNames {
  std::map<std::string, engine::Value> values;  // parameters and tables
  const TestFacts& facts;
};

/// Computes an expression that the compiler has checked.
///
/// Errors   InvalidArgument for what only shows now: no such row, a division by 0
engine::Result<engine::Value> Evaluate(const dsl::ast::Expr& expr, const TestNames& names);

engine::Value Duration(int64_t nanoseconds);
/// Null if the value is no length of time.
const int64_t* NanosecondsOf(const engine::Value& value);
engine::Value Timestamp(int64_t nanoseconds);  // since 1970
/// Of a timestamp or the text of one, else nothing.
std::optional<int64_t> TimestampOf(const engine::Value& value);
bool IsTimestamp(const engine::Value& value);
/// Any i64 or u64.
__extension__ using Integer = __int128;
engine::Value Unsigned(uint64_t integer);
/// None if the value is no integer.
std::optional<Integer> IntegerOf(const engine::Value& value);
bool IsLargeInteger(const engine::Value& value);  // no i64 holds it

/// Whether two values are the same. Floats are if they differ by at most 1e-6 + 1e-5 of the larger
/// one; NaN is like nothing. Records are compared by name; a column that is not there is null.
bool AreEqual(const engine::Value& a, const engine::Value& b);

}  // namespace raceway::tools
