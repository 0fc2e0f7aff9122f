#include "engine/catalog.h"

namespace raceway::engine {
namespace {

template <typename Contract>
const Contract* Find(const std::deque<Contract>& contracts, std::string_view name) {
  for (const Contract& contract : contracts) {
    if (contract.name == name) return &contract;
  }
  return nullptr;
}

}  // namespace

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
