#include "engine/store/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <cstdarg>
#include <memory>

namespace raceway::engine {
namespace {

/// RocksDB would write a log into the folder, also while it only reads.
class NoLog final : public rocksdb::Logger {
 public:
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

/// Decoded rows are kept in memory, not blocks: those are read for what was never asked for.
constexpr size_t kBlockCacheBytes = size_t{8} << 20;

rocksdb::Options CommonOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = size_t{16} << 10;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // a key without a row: no read
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;  // embeddings do not shrink
  options.info_log = std::make_shared<NoLog>();
  options.max_open_files = -1;  // all at once: the folder may be replaced while it is open
  return options;
}

}  // namespace

rocksdb::Options ReadingOptions() { return CommonOptions(); }

rocksdb::Options LoadingOptions() {
  rocksdb::Options options = CommonOptions();
  options.create_if_missing = true;
  options.error_if_exists = true;
  options.PrepareForBulkLoad();
  options.write_buffer_size = size_t{64} << 20;
  options.target_file_size_base = uint64_t{256} << 20;
  return options;
}

}  // namespace raceway::engine
