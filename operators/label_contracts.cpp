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

}  // namespace

void RegisterLabelContracts(engine::Catalog& catalog) { catalog.Add(Lookup()); }

}  // namespace raceway::operators
