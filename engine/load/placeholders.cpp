#include "engine/load/placeholders.h"

#include <c10/core/Allocator.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace raceway::engine::load {
namespace {

bool Forks(const torch::jit::Block& block) {
  return std::any_of(block.nodes().begin(), block.nodes().end(), [](const torch::jit::Node* node) {
    return node->kind() == c10::prim::fork || node->kind() == c10::prim::awaitable ||
           std::any_of(node->blocks().begin(), node->blocks().end(),
                       [](const torch::jit::Block* inner) { return Forks(*inner); });
  });
}

}  // namespace

size_t ArchiveFile::read(uint64_t offset, void* to, size_t num_bytes, const char* /*what*/) const {
  const Status read = file_.Read(offset, static_cast<char*>(to), num_bytes);
  TORCH_CHECK(read.ok(), read.ok() ? "" : read.error().message);
  return num_bytes;
}

Result<c10::Storage> ReadNow(const Archive& archive, const Storage& storage) {
  Result<std::string> bytes = archive.Read(storage.name, storage.extent.size);
  if (!bytes) return std::move(bytes).error();
  c10::DataPtr memory = c10::GetAllocator(c10::DeviceType::CPU)->allocate(bytes->size());
  if (!bytes->empty()) std::memcpy(memory.get(), bytes->data(), bytes->size());
  return c10::Storage(c10::Storage::use_byte_size_t(), bytes->size(), std::move(memory), nullptr,
                      /*resizable=*/false);
}

c10::Storage StorageOn(std::byte* bytes, uint64_t num_bytes, std::shared_ptr<const void> owner) {
  using Owner = std::shared_ptr<const void>;
  c10::DataPtr memory(
      bytes, new Owner(std::move(owner)), [](void* held) { delete static_cast<Owner*>(held); },
      c10::Device(c10::DeviceType::CPU));
  return c10::Storage(c10::Storage::use_byte_size_t(), num_bytes, std::move(memory), nullptr,
                      /*resizable=*/false);
}

c10::Storage StorageOf(const LoadJob& job, int32_t number) {
  return StorageOn(job.data(number), job.num_bytes(number), job.arena(number));
}

void Add(Placeholders& placeholders, const std::string& record, c10::Storage storage) {
  const size_t slash = record.find('/');
  auto& part = record.starts_with("constants/") ? placeholders.constants : placeholders.data;
  part.emplace(record.substr(slash + 1), std::move(storage));
}

bool Forks(const torch::jit::Module& module) {
  const auto methods = module.get_methods();
  return std::any_of(methods.begin(), methods.end(), [](const torch::jit::Method& method) {
    const std::shared_ptr<torch::jit::Graph> graph = method.graph()->copy();
    torch::jit::Inline(*graph);
    return Forks(*graph->block());
  });
}

}  // namespace raceway::engine::load
