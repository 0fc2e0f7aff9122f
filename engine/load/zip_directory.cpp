#include "engine/load/zip_directory.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include "engine/load/byte_reader.h"
#include "engine/load/crc.h"
#include "engine/load/zip_format.h"

namespace raceway::engine::load {
namespace {

constexpr uint64_t kMaxRecords = uint64_t{1} << 20;
constexpr uint64_t kMaxDirectoryBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxCommentBytes = 0xffff;

/// Where the directory lies.
struct Place {
  uint64_t num_records = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t end = 0;  // what comes behind it
};

/// A record as the directory has it, with what its local header must agree with.
struct Entry {
  ZipRecord record;
  uint16_t flags = 0;
  uint16_t method = 0;
};

class DirectoryReader {
 public:
  explicit DirectoryReader(const RandomFile& file) : file_(file) {}

  Result<std::vector<ZipRecord>> Run() {
    const Result<Place> place = FindDirectory();
    if (!place.ok()) return place.error();
    Result<std::vector<Entry>> entries = ReadEntries(*place);
    if (!entries.ok()) return std::move(entries).error();
    for (const Entry& entry : *entries) {
      file_.WillNeed(entry.record.header_offset, zip::kLocalHeaderBytes);
    }
    std::vector<ZipRecord> records;
    records.reserve(entries->size());
    for (Entry& entry : *entries) {
      if (Status read = ReadLocalHeader(entry); !read) return std::move(read).error();
      records.push_back(std::move(entry.record));
    }
    if (Status checked = CheckRanges(records, place->offset); !checked) {
      return std::move(checked).error();
    }
    return records;
  }

 private:
  Error Broken(const std::string& what, std::string_view record = {},
               std::optional<uint64_t> offset = std::nullopt) const {
    return file_.Wrong(ErrorCode::kInvalidArgument, what, record, offset);
  }
  Error Unsupported(const std::string& what, std::string_view record = {}) const {
    return file_.Wrong(ErrorCode::kUnsupported, what, record);
  }

  /// From the last record of the file, behind which there may be a comment.
  Result<Place> FindDirectory() const {
    if (file_.size() < zip::kEndBytes) return Broken("is no archive: it is too short");
    const uint64_t tail_size = std::min(file_.size(), zip::kEndBytes + kMaxCommentBytes);
    const uint64_t tail_offset = file_.size() - tail_size;
    const Result<std::string> tail = file_.Read(tail_offset, tail_size);
    if (!tail.ok()) return tail.error();
    // The last place that looks like it is the one that other readers take: it has to fit.
    const size_t found = tail->rfind(std::string_view("PK\5\6", 4), tail_size - zip::kEndBytes);
    if (found == std::string::npos) {
      return Broken("is no whole archive: it has no directory at its end");
    }
    return ReadEnd(tail_offset + found, std::string_view(*tail).substr(found));
  }

  Result<Place> ReadEnd(uint64_t offset, std::string_view bytes) const {
    ByteReader reader(bytes);
    reader.TakeBytes(sizeof zip::kEnd);
    const auto disk = reader.Take<uint16_t>();
    const auto directory_disk = reader.Take<uint16_t>();
    const auto num_here = reader.Take<uint16_t>();
    const auto num_records = reader.Take<uint16_t>();
    const auto size = reader.Take<uint32_t>();
    const auto directory_offset = reader.Take<uint32_t>();
    const auto comment_size = reader.Take<uint16_t>();
    if (reader.num_left() != comment_size) {
      return Broken("its end is not where it says", {}, offset);
    }
    if (disk != directory_disk || (disk != 0 && disk != zip::kIn64Bits16) ||
        num_here != num_records) {
      return Unsupported("is one part of an archive in several");
    }
    Place place{num_records, directory_offset, size, offset};
    const bool needs_64 = num_records == zip::kIn64Bits16 || size == zip::kIn64Bits32 ||
                          directory_offset == zip::kIn64Bits32;
    const Result<std::optional<Place>> place_64 = ReadEnd64(offset);
    if (!place_64.ok()) return place_64.error();
    if (!place_64->has_value()) {
      return needs_64 ? Result<Place>(Broken("lacks the zip64 end that it needs", {}, offset))
                      : place;
    }
    const Place& large = **place_64;
    const bool agrees = (num_records == zip::kIn64Bits16 || num_records == large.num_records) &&
                        (size == zip::kIn64Bits32 || size == large.size) &&
                        (directory_offset == zip::kIn64Bits32 || directory_offset == large.offset);
    if (!agrees) return Broken("its two ends do not agree", {}, offset);
    return large;
  }

  /// Nothing where the archive has no zip64 end before `end_offset`.
  Result<std::optional<Place>> ReadEnd64(uint64_t end_offset) const {
    if (end_offset < zip::kEnd64LocatorBytes) return std::optional<Place>();
    const uint64_t locator_offset = end_offset - zip::kEnd64LocatorBytes;
    const Result<std::string> locator = file_.Read(locator_offset, zip::kEnd64LocatorBytes);
    if (!locator.ok()) return locator.error();
    ByteReader at_locator(*locator);
    if (at_locator.Take<uint32_t>() != zip::kEnd64Locator) return std::optional<Place>();
    const auto disk = at_locator.Take<uint32_t>();
    const auto offset = at_locator.Take<uint64_t>();
    if (disk != 0 || at_locator.Take<uint32_t>() > 1) {
      return Unsupported("is one part of an archive in several");
    }
    if (locator_offset < zip::kEnd64Bytes || offset > locator_offset - zip::kEnd64Bytes) {
      return Broken("its zip64 end is not where it says", {}, locator_offset);
    }
    const Result<std::string> bytes = file_.Read(offset, zip::kEnd64Bytes);
    if (!bytes.ok()) return bytes.error();
    ByteReader reader(*bytes);
    const bool is_end = reader.Take<uint32_t>() == zip::kEnd64;
    const auto size_of_rest = reader.Take<uint64_t>();
    if (!is_end || size_of_rest != locator_offset - offset - 12) {
      return Broken("its zip64 end is not where it says", {}, offset);
    }
    reader.TakeBytes(2 + 2);  // versions
    const auto this_disk = reader.Take<uint32_t>();
    const auto directory_disk = reader.Take<uint32_t>();
    const auto num_here = reader.Take<uint64_t>();
    Place place;
    place.num_records = reader.Take<uint64_t>();
    place.size = reader.Take<uint64_t>();
    place.offset = reader.Take<uint64_t>();
    place.end = offset;
    if (this_disk != 0 || directory_disk != 0 || num_here != place.num_records) {
      return Unsupported("is one part of an archive in several");
    }
    return std::optional(place);
  }

  Result<std::vector<Entry>> ReadEntries(const Place& place) const {
    if (place.offset > place.end || place.size != place.end - place.offset) {
      return Broken("its directory is not where it says", {}, place.offset);
    }
    if (place.num_records > kMaxRecords || place.size > kMaxDirectoryBytes) {
      return Unsupported("has " + std::to_string(place.num_records) + " records in " +
                         std::to_string(place.size) + " bytes of directory, the limits are " +
                         std::to_string(kMaxRecords) + " and " +
                         std::to_string(kMaxDirectoryBytes));
    }
    if (place.num_records > place.size / zip::kDirectoryHeaderBytes) {
      return Broken("has more records than its directory has room for", {}, place.offset);
    }
    const Result<std::string> bytes = file_.Read(place.offset, place.size);
    if (!bytes.ok()) return bytes.error();
    ByteReader reader(*bytes);
    std::vector<Entry> entries;
    entries.reserve(place.num_records);
    for (uint64_t i = 0; i < place.num_records; ++i) {
      Result<Entry> entry = TakeEntry(reader, place);
      if (!entry.ok()) return std::move(entry).error();
      entries.push_back(*std::move(entry));
    }
    if (reader.num_left() != 0) {
      return Broken("its directory is longer than its records", {},
                    place.offset + reader.position());
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return a.record.header_offset < b.record.header_offset;
    });
    return entries;
  }

  Result<Entry> TakeEntry(ByteReader& reader, const Place& place) const {
    const uint64_t begin = place.offset + reader.position();
    Entry entry;
    ZipRecord& record = entry.record;
    const bool is_header = reader.Take<uint32_t>() == zip::kDirectoryHeader;
    reader.TakeBytes(2 + 2);  // versions
    entry.flags = reader.Take<uint16_t>();
    entry.method = reader.Take<uint16_t>();
    reader.TakeBytes(2 + 2);  // time, date
    record.crc32 = reader.Take<uint32_t>();
    record.packed_size = reader.Take<uint32_t>();
    record.size = reader.Take<uint32_t>();
    const auto name_size = reader.Take<uint16_t>();
    const auto extra_size = reader.Take<uint16_t>();
    const auto comment_size = reader.Take<uint16_t>();
    const auto disk = reader.Take<uint16_t>();
    reader.TakeBytes(2 + 4);  // attributes
    record.header_offset = reader.Take<uint32_t>();
    record.name = reader.TakeBytes(name_size);
    const std::string_view extra = reader.TakeBytes(extra_size);
    reader.TakeBytes(comment_size);
    if (!is_header || reader.is_short()) return Broken("its directory is torn", {}, begin);
    if (Status taken = TakeZip64(extra, record, disk, begin); !taken) {
      return std::move(taken).error();
    }
    if (Status checked = CheckEntry(entry, begin); !checked) return std::move(checked).error();
    if (record.header_offset >= place.offset) {
      return Broken("lies behind the records", record.name, begin);
    }
    return entry;
  }

  /// The value of an extra field; empty if there is none of the kind.
  static std::string_view FindZip64(std::string_view extra) {
    ByteReader reader(extra);
    while (reader.num_left() > 0) {
      const auto kind = reader.Take<uint16_t>();
      const auto size = reader.Take<uint16_t>();
      const std::string_view value = reader.TakeBytes(size);
      if (reader.is_short()) return {};
      if (kind == zip::kZip64Field) return value;
    }
    return {};
  }

  Status TakeZip64(std::string_view extra, ZipRecord& record, uint16_t disk, uint64_t begin) const {
    ByteReader reader(FindZip64(extra));
    for (uint64_t* number : {&record.size, &record.packed_size, &record.header_offset}) {
      if (*number == zip::kIn64Bits32) *number = reader.Take<uint64_t>();
    }
    const uint32_t real_disk = disk == zip::kIn64Bits16 ? reader.Take<uint32_t>() : disk;
    if (reader.is_short()) return Broken("lacks a zip64 field", record.name, begin);
    if (real_disk != 0) return Unsupported("lies in another part of the archive", record.name);
    return Done{};
  }

  Status CheckEntry(const Entry& entry, uint64_t begin) const {
    const ZipRecord& record = entry.record;
    if (record.name.empty() || record.name.find('\0') != std::string::npos) {
      return Broken("a record has no name", record.name, begin);
    }
    if ((entry.flags & zip::kEncrypted) != 0) return Unsupported("is encrypted", record.name);
    if ((entry.flags & zip::kPatched) != 0) return Unsupported("is a patch", record.name);
    if (entry.method != zip::kStored && entry.method != zip::kDeflated) {
      return Unsupported("is packed by method " + std::to_string(entry.method), record.name);
    }
    if (entry.method == zip::kStored && record.packed_size != record.size) {
      return Broken("is stored, but has two sizes", record.name, begin);
    }
    return Done{};
  }

  /// Gives the record its `data_offset`.
  Status ReadLocalHeader(Entry& entry) const {
    ZipRecord& record = entry.record;
    const auto broken = [&](const std::string& what) {
      return Broken(what, record.name, record.header_offset);
    };
    const Result<std::string> bytes =
        file_.Read(record.header_offset, zip::kLocalHeaderBytes + record.name.size());
    if (!bytes.ok()) return broken("ends in its header");
    ByteReader reader(*bytes);
    const bool is_header = reader.Take<uint32_t>() == zip::kLocalHeader;
    reader.TakeBytes(2);  // version
    const auto flags = reader.Take<uint16_t>();
    const auto method = reader.Take<uint16_t>();
    reader.TakeBytes(2 + 2);  // time, date
    const auto crc32 = reader.Take<uint32_t>();
    const auto packed_size = reader.Take<uint32_t>();
    const auto size = reader.Take<uint32_t>();
    const auto name_size = reader.Take<uint16_t>();
    const auto extra_size = reader.Take<uint16_t>();
    if (!is_header) return broken("has no header there");
    if (name_size != record.name.size() || reader.TakeBytes(name_size) != record.name) {
      return broken("has another name in its header");
    }
    if (flags != entry.flags || method != entry.method) {
      return broken("is packed in another way in its header");
    }
    record.is_deflated = method == zip::kDeflated;
    record.data_offset =
        record.header_offset + zip::kLocalHeaderBytes + name_size + uint64_t{extra_size};
    const bool has_zeros = (flags & zip::kSizesBehindData) != 0 && crc32 == 0 && size == 0;
    if (has_zeros && (packed_size == 0 || packed_size == zip::kIn64Bits32)) return Done{};
    return CheckSizes(record, crc32, packed_size, size, extra_size);
  }

  Status CheckSizes(const ZipRecord& record, uint32_t crc32, uint64_t packed_size, uint64_t size,
                    uint64_t extra_size) const {
    const bool needs_64 = packed_size == zip::kIn64Bits32 || size == zip::kIn64Bits32;
    if (needs_64) {
      const Result<std::string> extra = file_.Read(record.data_offset - extra_size, extra_size);
      if (!extra.ok()) return Broken("ends in its header", record.name, record.header_offset);
      ByteReader reader(FindZip64(*extra));
      if (size == zip::kIn64Bits32) size = reader.Take<uint64_t>();
      if (packed_size == zip::kIn64Bits32) packed_size = reader.Take<uint64_t>();
    }
    if (crc32 == record.crc32 && packed_size == record.packed_size && size == record.size) {
      return Done{};
    }
    return Broken("has other sizes or another checksum in its header", record.name,
                  record.header_offset);
  }

  /// `records` are in the order of their headers.
  Status CheckRanges(const std::vector<ZipRecord>& records, uint64_t directory_offset) const {
    for (size_t i = 0; i < records.size(); ++i) {
      const ZipRecord& record = records[i];
      const bool is_last = i + 1 == records.size();
      const uint64_t limit = is_last ? directory_offset : records[i + 1].header_offset;
      if (record.data_offset <= limit && record.packed_size <= limit - record.data_offset) continue;
      return Broken(is_last ? "reaches into the directory"
                            : "reaches into record `" + records[i + 1].name + "`",
                    record.name, record.header_offset);
    }
    return Done{};
  }

  const RandomFile& file_;
};

Result<std::string> Inflate(const RandomFile& file, const ZipRecord& record,
                            const std::string& packed) {
  constexpr uint64_t kMostForEach = 1032;  // bytes that a byte of deflate may stand for
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  const bool may_be = inflater != nullptr && record.size / kMostForEach <= packed.size();
  std::string bytes(may_be ? record.size : 0, '\0');
  if (may_be &&
      libdeflate_deflate_decompress(inflater.get(), packed.data(), packed.size(), bytes.data(),
                                    bytes.size(), nullptr) == LIBDEFLATE_SUCCESS) {
    return bytes;
  }
  return file.Wrong(ErrorCode::kInvalidArgument, "cannot be inflated", record.name,
                    record.data_offset);
}

/// Whether these are the bytes of a record, unpacked.
Status CheckRecord(const RandomFile& file, const ZipRecord& record, std::string_view unpacked) {
  const std::optional<uint32_t> expected = record.checksum();
  if (unpacked.size() == record.size &&
      (!expected || Crc32(std::as_bytes(std::span(unpacked))) == *expected)) {
    return Done{};
  }
  return file.Wrong(ErrorCode::kInvalidArgument, "has another checksum than the directory says",
                    record.name, record.data_offset);
}

}  // namespace

ZipDirectory::ZipDirectory(std::vector<ZipRecord> records)
    : records_(std::move(records)), by_name_(records_.size()) {
  std::iota(by_name_.begin(), by_name_.end(), 0);
  std::sort(by_name_.begin(), by_name_.end(),
            [this](size_t a, size_t b) { return records_[a].name < records_[b].name; });
}

Result<ZipDirectory> ZipDirectory::Read(const RandomFile& file) {
  Result<std::vector<ZipRecord>> records = DirectoryReader(file).Run();
  if (!records.ok()) return std::move(records).error();
  ZipDirectory directory(*std::move(records));
  const auto has_same_name = [&](size_t a, size_t b) {
    return directory.records_[a].name == directory.records_[b].name;
  };
  const auto twice =
      std::adjacent_find(directory.by_name_.begin(), directory.by_name_.end(), has_same_name);
  if (twice == directory.by_name_.end()) return directory;
  const ZipRecord& record = directory.records_[*twice];
  return file.Wrong(ErrorCode::kInvalidArgument, "is there twice", record.name,
                    record.header_offset);
}

const ZipRecord* ZipDirectory::Find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [this](size_t i, std::string_view text) { return records_[i].name < text; });
  return found == by_name_.end() || records_[*found].name != name ? nullptr : &records_[*found];
}

Result<std::string> ReadRecord(const RandomFile& file, const ZipRecord& record,
                               uint64_t max_bytes) {
  if (record.is_deflated) {
    return file.Wrong(ErrorCode::kUnsupported, "is deflated", record.name);
  }
  return UnpackRecord(file, record, max_bytes);
}

Result<std::string> UnpackRecord(const RandomFile& file, const ZipRecord& record,
                                 uint64_t max_bytes) {
  if (record.size > max_bytes) {
    return file.Wrong(
        ErrorCode::kUnsupported,
        "has " + std::to_string(record.size) + " bytes, the limit is " + std::to_string(max_bytes),
        record.name);
  }
  Result<std::string> bytes = file.Read(record.data_offset, record.packed_size);
  if (!bytes.ok()) return bytes;
  if (record.is_deflated) bytes = Inflate(file, record, *bytes);
  if (!bytes.ok()) return bytes;
  if (Status checked = CheckRecord(file, record, *bytes); !checked) {
    return std::move(checked).error();
  }
  return bytes;
}

}  // namespace raceway::engine::load
