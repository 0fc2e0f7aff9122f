#include "operators/native_contracts.h"

namespace raceway::operators {
namespace {

using engine::FunctionContract;
using Kind = engine::SettingContract::Kind;

FunctionContract Lookup() {
  return {.name = "labels.lookup",
          .params = {{"index", Scalar(engine::DataType::kI64)}},
          .results = {{"label", Scalar(engine::DataType::kString)}},
          .settings = {{"file",
                        Kind::kFile,
                        true,
                        {},
                        "Text file with one label a line, the first for index 0.",
                        nullptr}},
          .doc = "The label with that index in a file."};
}

FunctionContract LookupAll() {
  const engine::Dim k = engine::Dim::Symbol("K");
  FunctionContract contract = Lookup();
  contract.name = "labels.lookup_all";
  contract.params = {{"indices", engine::Type{engine::DataType::kI64, {k}}}};
  contract.results = {{"labels", engine::Type{engine::DataType::kString, {k}}}};
  contract.doc = "The labels of several, of the places that `topk` gives say.";
  return contract;
}

}  // namespace

void RegisterLabelContracts(engine::Catalog& catalog) {
  catalog.Add(Lookup());
  catalog.Add(LookupAll());
}

}  // namespace raceway::operators
