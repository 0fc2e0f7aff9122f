#include "operators/prefetch.h"

#include <exception>
#include <memory>
#include <utility>

#include "engine/data/batch.h"
#include "engine/store.h"
#include "operators/store_options.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;
using engine::Store;

class Prefetch final : public engine::Operator {
 public:
  Prefetch(std::shared_ptr<const Store> store, size_t key, Layout layout)
      : store_(std::move(store)), key_(key), layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    try {
      if (input.num_rows() > 0) store_->Prefetch(input.column(key_));
    } catch (const std::exception&) {
      // A hint fails no request: the lookup reads what was not read ahead.
    }
    return layout_.SameRows(input, {});
  }

 private:
  std::shared_ptr<const Store> store_;
  size_t key_;  // column of the input
  Layout layout_;
};

}  // namespace

Result<engine::AnyOperator> MakePrefetch(const engine::OperatorSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "prefetch: it has one input and one output"};
  }
  if (spec.open_store == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "prefetch: there are no stores here"};
  }
  const Result<engine::StoreSpec> store_spec = ReadStoreOptions(spec);
  if (!store_spec) return store_spec.error();
  const Result<size_t> key = FindKey(spec, store_spec->schema[0].type);
  if (!key) return key.error();
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], {});
  if (!layout) return std::move(layout).error();
  Result<std::shared_ptr<const Store>> store = (*spec.open_store)(*store_spec);
  if (!store) return std::move(store).error();
  return engine::AnyOperator(
      std::make_unique<Prefetch>(*std::move(store), *key, *std::move(layout)));
}

}  // namespace raceway::operators
