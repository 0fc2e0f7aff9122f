#include "engine/load/zip_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "engine/load/crc.h"
#include "engine/load/zip_format.h"

namespace raceway::engine::load {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{1} << 20;
constexpr uint64_t kFieldHeaderBytes = 4;  // of an extra field
constexpr uint64_t kLocalZip64Bytes = kFieldHeaderBytes + 16;
constexpr uint16_t kPaddingField = 0x4246;  // "FB", as PyTorch has it
constexpr uint16_t kVersion = 45;           // of the format, that has zip64

template <typename Number>
void Append(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

bool Needs64(const ZipRecord& record) {
  return record.size >= zip::kIn64Bits32 || record.packed_size >= zip::kIn64Bits32;
}

uint32_t In32(uint64_t number) {
  return static_cast<uint32_t>(std::min<uint64_t>(number, zip::kIn64Bits32));
}

/// What local headers and the directory have in common, from the version that is needed on.
void AppendCommon(std::string& bytes, const ZipRecord& record, uint64_t extra_bytes) {
  const bool needs_64 = Needs64(record);
  Append(bytes, kVersion);
  Append(bytes, zip::kUtf8Names);
  Append(bytes, record.is_deflated ? zip::kDeflated : zip::kStored);
  Append<uint32_t>(bytes, 0);  // time and date: the same model gives the same bytes
  Append(bytes, record.crc32);
  Append(bytes, needs_64 ? zip::kIn64Bits32 : In32(record.packed_size));
  Append(bytes, needs_64 ? zip::kIn64Bits32 : In32(record.size));
  Append(bytes, static_cast<uint16_t>(record.name.size()));
  Append(bytes, static_cast<uint16_t>(extra_bytes));
}

std::string LocalHeader(const ZipRecord& record) {
  const uint64_t extra_bytes =
      record.data_offset - record.header_offset - zip::kLocalHeaderBytes - record.name.size();
  std::string bytes;
  Append(bytes, zip::kLocalHeader);
  AppendCommon(bytes, record, extra_bytes);
  bytes += record.name;
  uint64_t padding = extra_bytes;
  if (Needs64(record)) {
    Append(bytes, zip::kZip64Field);
    Append<uint16_t>(bytes, 16);
    Append(bytes, record.size);
    Append(bytes, record.packed_size);
    padding -= kLocalZip64Bytes;
  }
  if (padding > 0) {
    Append(bytes, kPaddingField);
    Append(bytes, static_cast<uint16_t>(padding - kFieldHeaderBytes));
    bytes.append(padding - kFieldHeaderBytes, 'Z');
  }
  return bytes;
}

std::string DirectoryHeader(const ZipRecord& record) {
  std::string extra;
  const bool needs_64 = Needs64(record);
  const bool is_far = record.header_offset >= zip::kIn64Bits32;
  if (needs_64 || is_far) {
    Append(extra, zip::kZip64Field);
    Append(extra, static_cast<uint16_t>((needs_64 ? 16 : 0) + (is_far ? 8 : 0)));
    if (needs_64) Append(extra, record.size);
    if (needs_64) Append(extra, record.packed_size);
    if (is_far) Append(extra, record.header_offset);
  }
  std::string bytes;
  Append(bytes, zip::kDirectoryHeader);
  Append(bytes, kVersion);  // made by
  AppendCommon(bytes, record, extra.size());
  Append<uint16_t>(bytes, 0);  // comment
  Append<uint16_t>(bytes, 0);  // disk
  Append<uint16_t>(bytes, 0);  // attributes
  Append<uint32_t>(bytes, 0);
  Append(bytes, In32(record.header_offset));
  return bytes + record.name + extra;
}

/// Always both ends, as PyTorch writes them.
std::string Ends(uint64_t num_records, uint64_t offset, uint64_t size) {
  std::string bytes;
  Append(bytes, zip::kEnd64);
  Append(bytes, zip::kEnd64Bytes - 12);
  Append(bytes, kVersion);
  Append(bytes, kVersion);
  Append<uint32_t>(bytes, 0);
  Append<uint32_t>(bytes, 0);
  Append(bytes, num_records);
  Append(bytes, num_records);
  Append(bytes, size);
  Append(bytes, offset);
  Append(bytes, zip::kEnd64Locator);
  Append<uint32_t>(bytes, 0);
  Append(bytes, offset + size);
  Append<uint32_t>(bytes, 1);
  const auto count = static_cast<uint16_t>(std::min<uint64_t>(num_records, zip::kIn64Bits16));
  Append(bytes, zip::kEnd);
  Append<uint32_t>(bytes, 0);  // disks
  Append(bytes, count);
  Append(bytes, count);
  Append(bytes, In32(size));
  Append(bytes, In32(offset));
  Append<uint16_t>(bytes, 0);  // comment
  return bytes;
}

}  // namespace

Result<std::unique_ptr<ZipWriter>> ZipWriter::Create(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, ignored);
  const std::filesystem::path& target = real.empty() ? path : real;
  const auto unavailable = [&](const char* reason) {
    return Error{ErrorCode::kUnavailable, "cannot write `" + path.string() + "`: " + reason};
  };
  struct stat before {};
  const bool is_there = ::stat(target.c_str(), &before) == 0;
  if (is_there && !S_ISREG(before.st_mode)) return unavailable("it is no file");
  const std::filesystem::path part = target.string() + ".part" + std::to_string(::getpid());
  const int descriptor = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return unavailable(std::strerror(errno));
  if (is_there) ::fchmod(descriptor, before.st_mode);
  return std::unique_ptr<ZipWriter>(new ZipWriter(target, part, descriptor));
}

ZipWriter::ZipWriter(std::filesystem::path path, std::filesystem::path part, int descriptor)
    : path_(std::move(path)), part_(std::move(part)), descriptor_(descriptor) {}

ZipWriter::~ZipWriter() {
  ::close(descriptor_);
  if (!part_.empty()) ::unlink(part_.c_str());
}

Error ZipWriter::Unwritable() const {
  return {ErrorCode::kUnavailable,
          "cannot write `" + path_.string() + "`: " + std::strerror(errno)};
}

Status ZipWriter::Write(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Unwritable();
    bytes.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return Done{};
}

/// The record at the end of what is there so far.
ZipRecord ZipWriter::Place(const ZipRecord& record, uint64_t alignment) const {
  ZipRecord placed = record;
  placed.header_offset = end_;
  uint64_t begin =
      end_ + zip::kLocalHeaderBytes + record.name.size() + (Needs64(record) ? kLocalZip64Bytes : 0);
  if (begin % alignment != 0) {
    begin += kFieldHeaderBytes;
    begin += (alignment - begin % alignment) % alignment;
  }
  placed.data_offset = begin;
  return placed;
}

/// Of a record whose content is written.
Status ZipWriter::WriteHeader(const ZipRecord& record) {
  if (Status written = Write(record.header_offset, LocalHeader(record)); !written) return written;
  end_ = record.end_offset();
  records_.push_back(record);
  return Done{};
}

Status ZipWriter::Copy(const RandomFile& file, const ZipRecord& record, uint64_t alignment,
                       const CancelToken& cancel) {
  ZipRecord placed = Place(record, alignment);
  std::string piece;
  uint32_t crc32 = 0;
  for (uint64_t done = 0; done < record.packed_size; done += piece.size()) {
    if (cancel.is_cancelled()) return Error{ErrorCode::kCancelled, "cancelled"};
    piece.resize(std::min(kPieceBytes, record.packed_size - done));
    Status read = file.Read(record.data_offset + done, piece.data(), piece.size());
    if (!read) return read;
    crc32 = Crc32(std::as_bytes(std::span(piece)), crc32);
    Status written = Write(placed.data_offset + done, piece);
    if (!written) return written;
  }
  if (!record.is_deflated) {  // else the checksum is of what is unpacked
    if (record.checksum().value_or(crc32) != crc32) {
      return file.Wrong(ErrorCode::kInvalidArgument, "has another checksum than the directory says",
                        record.name, record.data_offset);
    }
    placed.crc32 = crc32;
  }
  return WriteHeader(placed);
}

Status ZipWriter::Add(const std::string& name, std::string_view bytes, uint64_t alignment) {
  ZipRecord record;
  record.name = name;
  record.size = record.packed_size = bytes.size();
  record.crc32 = Crc32(std::as_bytes(std::span(bytes)));
  record = Place(record, alignment);
  if (Status written = Write(record.data_offset, bytes); !written) return written;
  return WriteHeader(record);
}

Result<uint64_t> ZipWriter::Finish() {
  std::string directory;
  for (const ZipRecord& record : records_) directory += DirectoryHeader(record);
  const uint64_t size = directory.size();
  directory += Ends(records_.size(), end_, size);
  if (Status written = Write(end_, directory); !written) return std::move(written).error();
  if (::fsync(descriptor_) != 0 || ::rename(part_.c_str(), path_.c_str()) != 0) {
    return Unwritable();
  }
  part_.clear();
  return end_ + directory.size();
}

}  // namespace raceway::engine::load
