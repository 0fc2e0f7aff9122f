#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/schema.h"
#include "engine/result.h"
#include "engine/value.h"

/// What the compiler must know of the code that will run: names, types, options, docs. No tensor
/// type appears here, so that `check` and `explain` need no LibTorch.
namespace raceway::engine {

/// One setting of a native function, written in the block of its `fn`.
struct SettingContract {
  enum class Kind { kInt, kNumber, kString, kBool, kNumbers /* one or a list */, kFile };

  std::string name;
  Kind kind = Kind::kString;
  bool required = false;
  std::vector<std::string> allowed;  // of a kString; empty: anything
  std::string doc;
  /// What is wrong with a value of its kind ("must be at least 1"), or the empty string.
  std::string (*problem)(const Value& value) = nullptr;
  std::optional<double> least = std::nullopt;  // of a number, or of each of them
  std::optional<double> greatest = std::nullopt;

  /// What is wrong with a value of its kind, by `least`, `greatest` and `problem`; else empty.
  std::string ProblemOf(const Value& value) const;
};

/// A native function: what `fn f(…) -> (…) { native: "name" }` may be declared as. Parameters and
/// results pair by position; symbols of the contract stand for any dimension, alike symbols for
/// alike dimensions.
struct FunctionContract {
  std::string name;  // "image.decode"
  std::vector<Field> params;
  std::vector<Field> results;
  std::vector<SettingContract> settings;
  std::string doc;  // one sentence
};

/// A pure function of columns, row by row.
struct ColumnFunctionContract {
  std::string name;  // "softmax"
  size_t min_args = 0;
  size_t max_args = 0;
  /// The type of the result, or what is wrong with the arguments ("wants a tensor of floats").
  Result<Type> (*result_type)(std::span<const Type> args) = nullptr;
  std::string signature;  // for people: "softmax(T[…, N]) -> T[…, N]"
  std::string doc;
  bool is_operator = false;  // written with a sign (`+`), not called by this name
  /// In place of `result_type`, where numbers among the arguments are dimensions of the result
  /// (`zeros(512)`): `constants[i]` is null for an argument that is not known before rows are
  /// there.
  Result<Type> (*sized_type)(std::span<const Type> args,
                             std::span<const Value> constants) = nullptr;

  Result<Type> TypeOf(std::span<const Type> args, std::span<const Value> constants) const {
    return sized_type != nullptr ? sized_type(args, constants) : result_type(args);
  }
};

/// What makes one value of a group of rows.
struct AggregateContract {
  std::string name;     // "mean"
  size_t num_args = 1;  // none: of the rows themselves; two: a column and a number of rows
  /// The type of the result, or what is wrong with the column ("wants floats"); of no type, where
  /// there is no column.
  Result<Type> (*result_type)(const Type& of) = nullptr;
  std::string signature;  // for people: "mean(T) -> T"
  std::string doc;
};

/// All contracts by name. Filled once (`operators/contracts.h`), then read by many.
class Catalog {
 public:
  void Add(FunctionContract contract) { functions_.push_back(std::move(contract)); }
  void Add(ColumnFunctionContract contract) { column_functions_.push_back(std::move(contract)); }
  void Add(AggregateContract contract) { aggregates_.push_back(std::move(contract)); }

  const FunctionContract* FindFunction(std::string_view name) const;
  const ColumnFunctionContract* FindColumnFunction(std::string_view name) const;
  const AggregateContract* FindAggregate(std::string_view name) const;
  const std::deque<FunctionContract>& functions() const { return functions_; }
  const std::deque<ColumnFunctionContract>& column_functions() const { return column_functions_; }
  const std::deque<AggregateContract>& aggregates() const { return aggregates_; }

 private:
  std::deque<FunctionContract> functions_;
  std::deque<ColumnFunctionContract> column_functions_;
  std::deque<AggregateContract> aggregates_;
};

}  // namespace raceway::engine
