#include "tools/raceway/runtime/model_inputs.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

#include <cstring>
#include <utility>

#include "engine/data/column.h"
#include "engine/input_file.h"
#include "engine/rows/npy.h"

namespace raceway::tools {
namespace {

using engine::Result;

at::Tensor MakeRandom(const RandomInput& input, const at::Generator& generator) {
  std::vector<int64_t> sizes;
  for (const engine::Dim& dim : input.type.shape) sizes.push_back(dim.size);
  const at::ScalarType dtype = engine::ScalarTypeOf(input.type.dtype);
  const at::Tensor numbers = at::isFloatingType(dtype)
                                 ? at::rand(sizes, generator)
                                 : at::randint(input.below, sizes, generator, at::kLong);
  return numbers.to(dtype);
}

Result<at::Tensor> ReadArray(const std::string& path) {
  const Result<std::string> bytes = engine::ReadFile(path);
  if (!bytes.ok()) return bytes.error();
  Result<at::Tensor> tensor = engine::ParseNpy(*bytes);
  if (!tensor.ok()) tensor.error().message.insert(0, "`" + path + "`: ");
  return tensor;
}

bool IsSame(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  if (a.is_quantized() || a.is_sparse()) return a.equal(b);
  const at::Tensor left = a.contiguous();
  const at::Tensor right = b.contiguous();
  return left.nbytes() == 0 || std::memcmp(left.data_ptr(), right.data_ptr(), left.nbytes()) == 0;
}

bool AreSame(c10::ArrayRef<c10::IValue> a, c10::ArrayRef<c10::IValue> b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!tools::IsSame(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace

Result<std::vector<c10::IValue>> MakeInputs(const std::vector<ModelInput>& inputs) {
  const at::Generator generator = at::detail::createCPUGenerator(/*seed_val=*/1);
  std::vector<c10::IValue> values;
  for (const ModelInput& input : inputs) {
    if (const auto* random = std::get_if<RandomInput>(&input)) {
      values.emplace_back(MakeRandom(*random, generator));
    } else if (const auto* file = std::get_if<FileInput>(&input)) {
      Result<at::Tensor> array = ReadArray(file->path);
      if (!array.ok()) return std::move(array).error();
      values.emplace_back(*std::move(array));
    } else if (const auto* number = std::get_if<int64_t>(&input)) {
      values.emplace_back(*number);
    } else if (const auto* real = std::get_if<double>(&input)) {
      values.emplace_back(*real);
    } else {
      values.emplace_back(std::get<bool>(input));
    }
  }
  return values;
}

bool IsSame(const c10::IValue& a, const c10::IValue& b) {
  if (a.tagKind() != b.tagKind()) return false;
  if (a.isTensor()) return IsSame(a.toTensor(), b.toTensor());
  if (a.isTuple()) return AreSame(a.toTupleRef().elements(), b.toTupleRef().elements());
  if (a.isList()) return AreSame(a.toListRef(), b.toListRef());
  if (!a.isGenericDict()) return c10::_fastEqualsForContainer(a, b);
  const auto left = a.toGenericDict();
  const auto right = b.toGenericDict();
  if (left.size() != right.size()) return false;
  for (const auto& entry : left) {
    const auto other = right.find(entry.key());
    if (other == right.end() || !IsSame(entry.value(), other->value())) return false;
  }
  return true;
}

}  // namespace raceway::tools
