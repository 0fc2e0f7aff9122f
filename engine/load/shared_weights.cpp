#include "engine/load/shared_weights.h"

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

#include "engine/load/digest.h"
#include "engine/load/shared_store.h"

namespace raceway::engine::load {
namespace {

// After that a model is read once more rather than waited for.
constexpr std::chrono::seconds kMaxWait(60);

std::string NameOf(const ModelFile& file, std::span<const Storage* const> storages,
                   const StreamedOptions& options) {
  Digest digest;
  digest.Add(file.Identity());
  digest.Add(options.dtype ? c10::toString(*options.dtype) : "as in the file");
  for (const Storage* storage : storages) {
    digest.Add(storage->name);
    digest.Add(std::to_string(storage->extent.offset) + "+" + std::to_string(storage->extent.size));
    digest.Add(storage->extent.crc32 ? std::to_string(*storage->extent.crc32) : "");
  }
  return digest.Text();
}

/// The arena keeps the block from being removed.
std::shared_ptr<Arena> Hold(std::shared_ptr<Arena> arena, std::shared_ptr<SharedBlock> block) {
  Arena* const memory = arena.get();
  return {memory, [arena = std::move(arena), block = std::move(block)](Arena*) mutable {
            arena.reset();
            block.reset();
          }};
}

SharedWeights None(const ModelFile& file, const Error& why) {
  std::clog << "raceway: " << file.path()
            << " is loaded into memory of this process alone: " << why.message << '\n';
  return {};
}

}  // namespace

SharedWeights ShareWeights(const ModelFile& file, std::span<const Storage* const> storages,
                           const StreamedOptions& options, uint64_t num_bytes) {
  const Result<std::shared_ptr<SharedBlock>> block =
      SharedStore(options.shared_folder).Get(NameOf(file, storages, options), num_bytes, kMaxWait);
  if (!block) return None(file, block.error());
  const bool is_published = (*block)->is_published();
  Result<std::shared_ptr<Arena>> arena = Arena::Map((*block)->fd(), num_bytes, !is_published);
  if (!arena) return None(file, arena.error());
  SharedWeights shared = {Hold(*std::move(arena), *block), is_published};
  if (is_published) return shared;
  shared.on_settled = [block = *block, arena = shared.arena](bool all_are_right) {
    arena->EndWriting();
    // What cannot be published is this process's own.
    if (!all_are_right || !block->Publish()) block->GiveUp();
  };
  return shared;
}

}  // namespace raceway::engine::load
