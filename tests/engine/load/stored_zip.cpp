#include "tests/engine/load/stored_zip.h"

#include <zlib.h>

#include <cstdint>

#include "engine/load/zip_format.h"

namespace raceway::engine::load::testing {
namespace {

/// What both headers of a member have in common.
void AppendCommon(std::string& bytes, const Member& member) {
  const auto size = static_cast<uint32_t>(member.content.size());
  Append<uint16_t>(bytes, 20);
  Append<uint16_t>(bytes, 0);  // flags
  Append<uint16_t>(bytes, 0);  // stored
  Append<uint32_t>(bytes, 0);
  Append(bytes, static_cast<uint32_t>(
                    ::crc32_z(0, reinterpret_cast<const Bytef*>(member.content.data()), size)));
  Append(bytes, size);
  Append(bytes, size);
  Append(bytes, static_cast<uint16_t>(member.name.size()));
  Append<uint16_t>(bytes, 0);
}

}  // namespace

std::string ZipOf(const std::vector<Member>& members) {
  std::string zip;
  std::string directory;
  for (const Member& member : members) {
    Append(directory, zip::kDirectoryHeader);
    Append<uint16_t>(directory, 20);
    AppendCommon(directory, member);
    Append<uint16_t>(directory, 0);
    Append<uint16_t>(directory, 0);
    Append<uint16_t>(directory, 0);
    Append<uint32_t>(directory, 0);
    Append(directory, static_cast<uint32_t>(zip.size()));
    directory += member.name;
    Append(zip, zip::kLocalHeader);
    AppendCommon(zip, member);
    zip += member.name + member.content;
  }
  const auto offset = static_cast<uint32_t>(zip.size());
  zip += directory;
  Append(zip, zip::kEnd);
  Append<uint32_t>(zip, 0);
  Append(zip, static_cast<uint16_t>(members.size()));
  Append(zip, static_cast<uint16_t>(members.size()));
  Append(zip, static_cast<uint32_t>(directory.size()));
  Append(zip, offset);
  Append<uint16_t>(zip, 0);
  return zip;
}

}  // namespace raceway::engine::load::testing
