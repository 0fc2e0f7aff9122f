#include "operators/contracts.h"

#include "operators/native_contracts.h"

namespace raceway::operators {

std::string AtLeastOne(const engine::Value& value) {
  return *value.AsInt() >= 1 ? "" : "must be at least 1";
}

std::string AtLeastZero(const engine::Value& value) {
  return *value.AsInt() >= 0 ? "" : "must not be negative";
}

void RegisterFunctionContracts(engine::Catalog& catalog) {
  RegisterImageContracts(catalog);
  RegisterBoxContracts(catalog);
  RegisterAudioContracts(catalog);
  RegisterLabelContracts(catalog);
  RegisterTextContracts(catalog);
}

void RegisterContracts(engine::Catalog& catalog) {
  RegisterFunctionContracts(catalog);
  RegisterColumnFunctionContracts(catalog);
  RegisterAggregateContracts(catalog);
}

}  // namespace raceway::operators
