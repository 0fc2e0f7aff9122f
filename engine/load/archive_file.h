#pragma once

#include <c10/util/Exception.h>
#include <caffe2/serialize/read_adapter_interface.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/load/random_file.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The file of an archive, for LibTorch's reader. Throws what LibTorch throws.
class ArchiveFile final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit ArchiveFile(RandomFile file) : file_(std::move(file)) {}

  size_t size() const override { return file_.size(); }
  size_t read(uint64_t offset, void* to, size_t num_bytes, const char* /*what*/) const override {
    const Status read = file_.Read(offset, static_cast<char*>(to), num_bytes);
    TORCH_CHECK(read.ok(), read.ok() ? "" : read.error().message);
    return num_bytes;
  }

 private:
  RandomFile file_;
};

}  // namespace raceway::engine::load
