#include "engine/catalog.h"

#include <cmath>

namespace raceway::engine {
namespace {

template <typename Contract>
const Contract* Find(const std::deque<Contract>& contracts, std::string_view name) {
  for (const Contract& contract : contracts) {
    if (contract.name == name) return &contract;
  }
  return nullptr;
}

/// The numbers of a value: one, those of a list, or none.
std::vector<double> NumbersOf(const Value& value) {
  std::vector<double> numbers;
  if (const std::optional<double> number = value.AsNumber()) numbers.push_back(*number);
  if (const Value::List* list = value.AsList()) {
    for (const Value& item : *list) {
      if (const std::optional<double> number = item.AsNumber()) numbers.push_back(*number);
    }
  }
  return numbers;
}

/// As a flow has it: "3", not "3.0".
std::string NumberText(double number) {
  const bool is_whole = number == std::floor(number) && std::abs(number) < 1e15;
  return ToString(is_whole ? Value(static_cast<int64_t>(number)) : Value(number));
}

}  // namespace

std::string SettingContract::ProblemOf(const Value& value) const {
  for (const double number : NumbersOf(value)) {
    if (least && !(number >= *least)) return "must be at least " + NumberText(*least);
    if (greatest && !(number <= *greatest)) return "must be at most " + NumberText(*greatest);
  }
  return problem == nullptr ? "" : problem(value);
}

const FunctionContract* Catalog::FindFunction(std::string_view name) const {
  return Find(functions_, name);
}

const ColumnFunctionContract* Catalog::FindColumnFunction(std::string_view name) const {
  return Find(column_functions_, name);
}

const AggregateContract* Catalog::FindAggregate(std::string_view name) const {
  return Find(aggregates_, name);
}

}  // namespace raceway::engine
