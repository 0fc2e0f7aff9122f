#include "engine/load/repack.h"

#include <memory>
#include <string_view>
#include <utility>

#include "engine/load/archive.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/use_order.h"
#include "engine/load/zip_writer.h"

namespace raceway::engine::load {
namespace {

constexpr uint64_t kAlignment = 64;  // of all other records, as LibTorch writes them

/// Whether a record holds weights as they are.
bool IsWeight(std::string_view name) {
  if (name.ends_with(".json")) return false;  // describes those beside it
  if (name.starts_with("data/aotinductor/")) return name.ends_with(".blob");
  return name.starts_with("data/weights/") || name.starts_with("constants/") ||
         (name.starts_with("data/") && name.find('/', 5) == std::string_view::npos) ||
         name.starts_with("data/constants/");
}

/// What goes where.
struct Layout {
  std::vector<const ZipRecord*> first;    // in the order of the archive
  std::vector<const ZipRecord*> weights;  // in the order of use
};

Layout LayoutOf(const Archive& archive, const std::vector<std::string>& order) {
  Layout layout;
  std::vector<Storage> storages;
  std::vector<const ZipRecord*> records;
  for (const ZipRecord& record : archive.records()) {
    const std::string_view name = archive.NameOf(record);
    if (name == kOrderRecord) continue;
    if (!IsWeight(name) || record.size < kSmallBytes) {
      layout.first.push_back(&record);
      continue;
    }
    storages.push_back(
        {.name = std::string(name), .extent = archive.ExtentOf(record, storages.size(), 0)});
    records.push_back(&record);
  }
  for (const size_t i : OrderOf(storages, order)) layout.weights.push_back(records[i]);
  return layout;
}

Status CheckArchive(const Archive& archive) {
  for (const ZipRecord& record : archive.records()) {
    if (!record.is_deflated || !IsWeight(archive.NameOf(record))) continue;
    return archive.file().Wrong(ErrorCode::kUnsupported,
                                "is deflated; save the model anew, or unpack the archive and pack "
                                "it without compression",
                                record.name);
  }
  if (IsTorchScript(archive)) {
    const Result<WeightMap> weights = ReadTorchScript(archive);
    return weights.ok() ? Status(Done{}) : weights.error();
  }
  if (archive.Find("archive_format") != nullptr) return Done{};
  return archive.file().Wrong(
      ErrorCode::kUnsupported,
      "is neither of `torch.jit.save` nor a `.pt2` package; `torch.save` writes no model");
}

std::vector<std::string> NotThere(const Archive& archive, const std::vector<std::string>& order) {
  std::vector<std::string> names;
  for (const std::string& name : order) {
    if (archive.Find(name) == nullptr || !IsWeight(name)) names.push_back(name);
  }
  return names;
}

Status CopyAll(const Archive& archive, const Layout& layout, const std::vector<std::string>& order,
               const RepackOptions& options, ZipWriter& writer) {
  const CancelToken never;
  const auto copy = [&](const ZipRecord& record, uint64_t alignment) {
    Status copied = writer.Copy(archive.file(), record, alignment,
                                options.cancel == nullptr ? never : *options.cancel);
    if (options.num_copied != nullptr) *options.num_copied += record.packed_size;
    return copied;
  };
  for (const ZipRecord* record : layout.first) {
    if (Status copied = copy(*record, kAlignment); !copied) return copied;
  }
  if (!order.empty()) {
    const std::string name = archive.folder() + std::string(kOrderRecord);
    if (Status added = writer.Add(name, UseOrderText(order), kAlignment); !added) return added;
  }
  for (const ZipRecord* record : layout.weights) {
    if (Status copied = copy(*record, kRepackAlignment); !copied) return copied;
  }
  return Done{};
}

}  // namespace

Result<RepackReport> Repack(const std::filesystem::path& from, const std::filesystem::path& to,
                            const RepackOptions& options) {
  const Result<Archive> archive = Archive::Open(from);
  if (!archive.ok()) return archive.error();
  if (Status checked = CheckArchive(*archive); !checked) return std::move(checked).error();
  const std::vector<std::string> order = options.order ? *options.order : RecordedOrder(*archive);
  const Layout layout = LayoutOf(*archive, order);
  Result<std::unique_ptr<ZipWriter>> writer = ZipWriter::Create(to);
  if (!writer.ok()) return std::move(writer).error();
  if (Status copied = CopyAll(*archive, layout, order, options, **writer); !copied) {
    return std::move(copied).error();
  }
  const Result<uint64_t> size = (*writer)->Finish();
  if (!size.ok()) return size.error();
  return RepackReport{.bytes_before = archive->file().size(),
                      .bytes_after = *size,
                      .num_records = layout.first.size() + layout.weights.size(),
                      .num_aligned = layout.weights.size(),
                      .not_there = NotThere(*archive, order)};
}

}  // namespace raceway::engine::load
