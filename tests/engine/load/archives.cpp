#include "tests/engine/load/archives.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

namespace raceway::engine::load::testing {
namespace {

size_t HeaderAt(const std::string& zip, uint32_t signature, size_t fixed_size,
                std::string_view name) {
  const size_t name_size = signature == zip::kLocalHeader ? 26 : 28;
  for (size_t i = 0; i + fixed_size + name.size() <= zip.size(); ++i) {
    if (std::memcmp(zip.data() + i, &signature, sizeof signature) == 0 &&
        NumberAt<uint16_t>(zip, i + name_size) == name.size() &&
        zip.compare(i + fixed_size, name.size(), name) == 0) {
      return i;
    }
  }
  ADD_FAILURE() << "no header of " << name;
  return 0;
}

/// The header of a record in `zip`, with numbers of 64 bits: its offset, in a directory, or both of
/// its sizes.
std::string Zip64HeaderOf(const std::string& zip, uint32_t signature, std::string_view name,
                          const std::vector<uint64_t>& numbers) {
  const bool is_local = signature == zip::kLocalHeader;
  const size_t num_fixed = is_local ? zip::kLocalHeaderBytes : zip::kDirectoryHeaderBytes;
  std::string header = zip.substr(HeaderAt(zip, signature, num_fixed, name), num_fixed);
  const size_t sizes = is_local ? 18 : 20;
  const auto num_extra = static_cast<uint16_t>(4 + 8 * numbers.size());
  header = With(header, is_local ? 28 : 30, num_extra);
  constexpr uint32_t kElsewhere = 0xffffffff;
  if (numbers.size() == 2) {
    header = With(With(header, sizes, kElsewhere), sizes + 4, kElsewhere);
  } else {
    header = With(header, 42, kElsewhere);
  }
  header += name;
  Append(header, zip::kZip64Field);
  Append(header, static_cast<uint16_t>(num_extra - 4));
  for (const uint64_t number : numbers) Append(header, number);
  return header;
}

/// Both ends of an archive that has numbers of 64 bits.
std::string Zip64EndOf(uint64_t num_records, uint64_t num_bytes, uint64_t offset) {
  std::string end;
  Append(end, zip::kEnd64);
  Append(end, static_cast<uint64_t>(zip::kEnd64Bytes - 12));
  Append<uint32_t>(end, 0);
  Append<uint64_t>(end, 0);
  Append(end, num_records);
  Append(end, num_records);
  Append(end, num_bytes);
  Append(end, offset);
  Append(end, zip::kEnd64Locator);
  Append<uint32_t>(end, 0);
  Append(end, offset + num_bytes);
  Append<uint32_t>(end, 1);
  Append(end, zip::kEnd);
  Append<uint32_t>(end, 0);
  Append(end, static_cast<uint16_t>(num_records));
  Append(end, static_cast<uint16_t>(num_records));
  Append(end, static_cast<uint32_t>(num_bytes));
  Append<uint32_t>(end, 0xffffffff);
  Append<uint16_t>(end, 0);
  return end;
}

/// What the script writes, in a folder that belongs to this version of it.
std::filesystem::path Made(const std::string& kind, const std::string& option) {
  const std::string script = "tests/engine/load/make_archives.py";
  const auto hash = std::hash<std::string>()(BytesOf(script));
  const std::filesystem::path root = RACEWAY_ARCHIVES_DIR;
  const std::filesystem::path folder = root / (kind + "-" + std::to_string(hash));
  if (std::filesystem::exists(folder)) return folder;
  std::filesystem::create_directories(root);
  const std::filesystem::path part = folder.string() + ".part" + std::to_string(::getpid());
  const std::string command =
      ".venv/bin/python -W ignore " + script + " " + option + " " + part.string() + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::error_code somebody_else_did;
  std::filesystem::rename(part, folder, somebody_else_did);
  return folder;
}

std::string List(const std::vector<int64_t>& numbers) {
  std::string text;
  for (const int64_t number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return "[" + text + "]";
}

/// The message without the file that it begins with.
std::string Message(const Error& error) {
  const size_t end = error.message.find('`', 1);
  std::string text = error.message.substr(end + 1);
  if (text.starts_with(", ") || text.starts_with(": ")) text.erase(0, 2);
  return std::string(NameOf(error.code)) + ": " + text;
}

}  // namespace

MemoryFile::MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("test", MFD_CLOEXEC)) {
  EXPECT_EQ(::write(descriptor_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

MemoryFile::~MemoryFile() { ::close(descriptor_); }

std::filesystem::path MemoryFile::path() const {
  return "/proc/self/fd/" + std::to_string(descriptor_);
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "raceway-load-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string BytesOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteBytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void WriteBehindHole(const std::filesystem::path& path, const std::filesystem::path& archive,
                     uint64_t num_bytes) {
  const std::string bytes = BytesOf(archive);
  const Archive records = Archive::Open(archive).value();
  const std::string name = records.folder() + "extra/hole";
  const std::string first =
      Zip64HeaderOf(ZipOf({{name, ""}}), zip::kLocalHeader, name, {num_bytes, num_bytes});
  const uint64_t shift = first.size() + num_bytes;
  std::string directory =
      Zip64HeaderOf(ZipOf({{name, ""}}), zip::kDirectoryHeader, name, {num_bytes, num_bytes});
  size_t end = bytes.size();
  for (const ZipRecord& record : records.records()) {
    directory +=
        Zip64HeaderOf(bytes, zip::kDirectoryHeader, record.name, {shift + record.header_offset});
    end = std::min(end, DirectoryHeaderAt(bytes, record.name));
  }
  const std::string tail = bytes.substr(0, end) + directory +
                           Zip64EndOf(records.records().size() + 1, directory.size(), shift + end);
  WriteBytes(path, first);
  std::filesystem::resize_file(path, shift);
  std::ofstream(path, std::ios::binary | std::ios::app)
      .write(tail.data(), static_cast<std::streamsize>(tail.size()));
}

std::vector<Member> MembersOf(const std::filesystem::path& archive) {
  const Result<RandomFile> file = RandomFile::Open(archive);
  const Result<ZipDirectory> directory = ZipDirectory::Read(*file);
  std::vector<Member> members;
  for (const ZipRecord& record : directory->records()) {
    if (!record.is_deflated) members.push_back({record.name, *ReadRecord(*file, record, 1 << 20)});
  }
  return members;
}

size_t DirectoryHeaderAt(const std::string& zip, std::string_view name) {
  return HeaderAt(zip, zip::kDirectoryHeader, zip::kDirectoryHeaderBytes, name);
}

size_t LocalHeaderAt(const std::string& zip, std::string_view name) {
  return HeaderAt(zip, zip::kLocalHeader, zip::kLocalHeaderBytes, name);
}

std::filesystem::path Archived(std::string_view name) {
  static const std::filesystem::path folder = Made("archives", "");
  return folder / name;
}

std::filesystem::path Packaged(std::string_view name) {
  static const std::filesystem::path folder = Made("packages", "--packages");
  return folder / name;
}

std::string Show(const WeightMap& map) {
  std::string text;
  for (const Storage& storage : map.storages) {
    text += storage.name + ": " + std::to_string(storage.extent.size) + " bytes, type " +
            std::to_string(static_cast<int>(storage.dtype)) +
            (storage.is_small() ? ", small" : "") + (storage.is_read_early ? ", early" : "") + "\n";
  }
  for (const Tensor& tensor : map.tensors) {
    text += tensor.name + " = " + map.storages[tensor.storage].name + " + " +
            std::to_string(tensor.offset) + " " + List(tensor.sizes) + " by " +
            List(tensor.strides) + (tensor.is_quantized ? " quantized" : "") + "\n";
  }
  return text;
}

std::string Show(const Result<WeightMap>& map) {
  return map.ok() ? Show(*map) : Message(map.error());
}

std::string ErrorOfZip(const std::string& bytes) {
  const MemoryFile memory(bytes);
  const Result<RandomFile> file = RandomFile::Open(memory.path());
  const Result<ZipDirectory> directory = ZipDirectory::Read(*file);
  return directory.ok() ? "" : Message(directory.error());
}

}  // namespace raceway::engine::load::testing
