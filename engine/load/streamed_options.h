#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "engine/load/load_job.h"

namespace raceway::engine::load {

/// Where the weights of a model are once they have been read.
enum class MemoryMode : uint8_t {
  kKeep,    // in this process's memory, as long as the model is
  kStream,  // only those that a request is about to use, as many as the window takes; read again
            // for each request
  kShared,  // in memory that all processes of this user share, once for all of them
};

/// How a module is loaded, and how it is kept.
struct StreamedOptions {
  LoadOptions load = {};
  /// A file that has the weights in place of the archive, by their names; empty: the archive does.
  std::filesystem::path weights = {};
  c10::Device device = c10::Device(c10::kCPU);  // of its weights, as `torch::jit::load` takes it
  MemoryMode memory = MemoryMode::kKeep;        // another one only on the CPU
  /// kKeep: the pages of the page cache, where it has all of the file (`BorrowPages`). Who calls
  /// the module then does so by `Run`, always.
  bool borrows_pages = false;
  std::filesystem::path shared_folder = "/dev/shm";  // kShared: a file system in memory
  uint64_t window_bytes = uint64_t{64}
                          << 20;  // kStream: weights in memory at a time, for a request
  // Floating weights become that: on their way; on a device when all are there, for which both have
  // to have room.
  std::optional<c10::ScalarType> dtype = std::nullopt;
};

}  // namespace raceway::engine::load
